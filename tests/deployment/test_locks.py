"""Lock files: everything that pyproject.toml asks for, at a version that fits, with hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = {"base": (), "run": ("server", "grafana"), "dev": ("server", "grafana", "dev")}


def locked(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9_.-]+)==([^\s;]+)", line):
            found.setdefault(canonicalize_name(match[1]), []).append(match[2])
    return found


def wanted(name: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *(text for extra in EXTRAS[name] for text in project["optional-dependencies"][extra])]
    return [Requirement(text) for text in texts]


@pytest.mark.check
@pytest.mark.parametrize("name", EXTRAS)
def test_the_lock_holds_what_the_project_asks_for(name: str) -> None:
    """After a change of pyproject.toml: `scripts/lock`."""
    versions = locked(name)
    missing = [
        str(requirement) for requirement in wanted(name) if not any(requirement.specifier.contains(version) for version in versions.get(canonicalize_name(requirement.name), []))
    ]
    assert missing == []


@pytest.mark.check
@pytest.mark.parametrize("name", EXTRAS)
def test_every_locked_version_has_hashes(name: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.check
def test_what_the_pi_gets_is_small() -> None:
    """No numpy, scikit-learn, web framework or database server library (contract 1)."""
    assert set(locked("base")) & {"numpy", "scikit-learn", "scipy", "fastapi", "pydantic", "sqlalchemy", "influxdb-client", "uvicorn"} == set()
    assert set(locked("base")) <= set(locked("run")) <= set(locked("dev"))


@pytest.mark.check
def test_grafana_client_stays_below_the_version_that_overwrites_urllib3() -> None:
    for name in ("run", "dev"):
        assert all(int(version.split(".")[0]) < 4 for version in locked(name)["grafana-client"])
        assert "urllib3-future" not in locked(name)
