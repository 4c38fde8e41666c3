"""House rules for rendered dashboards, so that none is published that is nameless, overlapping, or tied to one site."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations

from dashboards.model import GRID_WIDTH, Json

BUILT_IN = frozenset({"timeFilter", "__interval", "__all", "tag_channel"})
"""Variables of Grafana and its InfluxDB data source itself."""
_VARIABLE = re.compile(r"\$\{?(\w+)")
_DECIBELS_AVERAGED = re.compile(r"\bmean\s*\(", re.IGNORECASE)


def problems(dashboard: Json) -> list[str]:
    """What is wrong with one rendered dashboard; empty when it may be published."""
    return [*_of_the_whole(dashboard), *_of_panels(dashboard), *_of_places(dashboard)]


def _of_the_whole(dashboard: Json) -> Iterator[str]:
    if not re.fullmatch(r"oshwatch-[a-z0-9-]{1,31}", str(dashboard.get("uid"))):
        yield "uid: must be stable and begin with oshwatch-"
    yield from (f"{field}: missing" for field in ("title", "description", "schemaVersion") if not dashboard.get(field))
    known = {variable["name"] for variable in _variables(dashboard)} | BUILT_IN
    used = set(_VARIABLE.findall(json.dumps(dashboard)))
    yield from (f"${name}: not defined" for name in sorted(used - known))
    if "datasource" not in known:
        yield "no variable for the data source"
    yield from (f"variable {variable['name']}: one site, chosen in advance" for variable in _variables(dashboard) if "site" in str(variable["name"]).lower())


def _of_panels(dashboard: Json) -> Iterator[str]:
    ids = [panel["id"] for panel in _panels(dashboard)]
    if len(set(ids)) != len(ids):
        yield "panel ids: not unique"
    for panel in _panels(dashboard):
        if panel["type"] == "row":
            continue
        yield from (f"panel {panel['id']}: no {field}" for field in ("title", "description", "targets") if not panel.get(field))
        if not _unit(panel):
            yield f"panel {panel['id']}: no unit"
        for target in _list(panel, "targets"):
            yield from _of_target(panel, target)


def _of_target(panel: Json, target: Json) -> Iterator[str]:
    query = str(target["query"])
    if "${datasource}" not in json.dumps(target["datasource"]):
        yield f"panel {panel['id']}: data source is fixed"
    if "$timeFilter" not in query and "now()" not in query:
        yield f"panel {panel['id']}: unbounded in time"
    if _DECIBELS_AVERAGED.search(query):
        yield f"panel {panel['id']}: mean() of samples; use the sums of minutes, decibels are never averaged"


def _of_places(dashboard: Json) -> Iterator[str]:
    places = [(panel["id"], _place(panel)) for panel in _panels(dashboard)]
    yield from (f"panel {id}: outside the grid" for id, (x, _, w, _) in places if x < 0 or w < 1 or x + w > GRID_WIDTH)
    yield from (f"panels {a} and {b}: overlap" for (a, first), (b, second) in combinations(places, 2) if _overlap(first, second))


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _place(panel: Json) -> tuple[int, int, int, int]:
    position = panel["gridPos"]
    assert isinstance(position, dict)
    return position["x"], position["y"], position["w"], position["h"]


def _unit(panel: Json) -> str:
    config = panel.get("fieldConfig")
    return str(config["defaults"].get("unit", "")) if isinstance(config, dict) else ""


def _panels(dashboard: Json) -> list[Json]:
    return _list(dashboard, "panels")


def _variables(dashboard: Json) -> list[Json]:
    templating = dashboard.get("templating")
    return _list(templating, "list") if isinstance(templating, dict) else []


def _list(holder: Json, key: str) -> list[Json]:
    content = holder.get(key, [])
    assert isinstance(content, list)
    return content
