"""The house rules hold for every dashboard, and each rule finds what it is for."""

from __future__ import annotations

import copy
import json

import pytest
import urllib3

from dashboards.floor import floor
from dashboards.lint import problems
from dashboards.render import DASHBOARDS


@pytest.mark.parametrize("dashboard", DASHBOARDS)
def test_every_dashboard_keeps_the_house_rules(dashboard) -> None:
    assert problems(dashboard().to_json()) == []


def test_uids_of_dashboards_are_unique() -> None:
    uids = [dashboard().uid for dashboard in DASHBOARDS]
    assert len(set(uids)) == len(uids)


def test_no_dashboard_names_a_site_or_an_agent() -> None:
    text = json.dumps(floor().to_json()).lower()
    assert "site" not in text
    assert "agent-" not in text


SPOIL = {
    "not unique": lambda board: board["panels"][1].update(id=board["panels"][2]["id"]),
    "overlap": lambda board: board["panels"][1]["gridPos"].update(w=13),
    "outside the grid": lambda board: board["panels"][3]["gridPos"].update(w=9),
    "no unit": lambda board: board["panels"][1]["fieldConfig"]["defaults"].pop("unit"),
    "no description": lambda board: board["panels"][1].pop("description"),
    "no title": lambda board: board["panels"][1].update(title=""),
    "data source is fixed": lambda board: board["panels"][1]["targets"][0].update(datasource={"uid": "abc"}),
    "unbounded in time": lambda board: board["panels"][1]["targets"][0].update(query='SELECT "v" FROM "reading"'),
    "decibels are never averaged": lambda board: board["panels"][1]["targets"][0].update(query='SELECT mean("v") FROM "reading" WHERE $timeFilter'),
    "$zone: not defined": lambda board: board["panels"][1].update(description="of $zone"),
    "one site": lambda board: board["templating"]["list"].append({"name": "site"}),
    "uid": lambda board: board.update(uid=""),
}


@pytest.mark.parametrize("expected", SPOIL)
def test_each_rule_finds_what_it_is_for(expected: str) -> None:
    board = copy.deepcopy(floor().to_json())
    SPOIL[expected](board)
    assert any(expected in problem for problem in problems(board)), problems(board)


def test_the_environment_has_the_real_urllib3() -> None:
    """grafana-client 4 would bring urllib3-future, which copies itself over urllib3."""
    assert not urllib3.__version__.startswith("2.") or int(urllib3.__version__.split(".")[2]) < 900
