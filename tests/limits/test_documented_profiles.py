"""The table of docs/limits.md is that of the profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.limits import Profile, list_profiles, load_profiles

DOCUMENT = Path(__file__).parents[2] / "docs" / "limits.md"


def covers(profile: Profile) -> str:
    words = [agent for agent in ("heat", "microclimate", "noise") if any(limit.agent == agent for limit in profile.limits)]
    agents = {agent for limit in profile.limits for agent in (limit.agent, *limit.members)} - {"heat", "microclimate", "noise"}
    if agents:
        words.append(f"{sum(not agent.startswith('group:') for agent in agents)} substances and dusts")
    if profile.extended_shifts:
        return "lowers other limits"
    return ", ".join(words) or ("order of controls" if profile.guidance else "general duties")


@pytest.mark.check
def test_the_table_of_profiles_is_up_to_date():
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{profile.id}` | {profile.name} | {'law' if profile.law else 'recommendation'} | {covers(profile)} | {len(profile.limits)} | "
        f"{sum(limit.status == 'verified' for limit in profile.limits)} |"
        for profile in load_profiles().values()
    ]
    assert len(rows) == len(list_profiles())
