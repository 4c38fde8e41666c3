"""The published schema of a scenario file is the one that the loader enforces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.scenario import schema


@pytest.mark.check
def test_the_published_schema_is_that_of_the_code() -> None:
    published = Path(__file__).resolve().parents[2] / "simulator" / "scenarios" / "scenario.schema.json"
    assert json.loads(published.read_text()) == json.loads(json.dumps(schema()))
