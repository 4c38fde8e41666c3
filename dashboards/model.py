"""What a dashboard is made of, and how it becomes Grafana's classic JSON. Places in the grid and panel ids are computed, never typed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Json = dict[str, object]

SCHEMA_VERSION = 41
"""The classic dashboard schema of Grafana 11 and 12."""
GRID_WIDTH = 24
SOURCE: Json = {"type": "influxdb", "uid": "${datasource}"}
"""The data source is picked by whoever looks, so that one dashboard serves every installation."""


class Kind(StrEnum):
    """Panel types in use."""

    TREND = "timeseries"
    TABLE = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One InfluxQL query of a panel; `label` names its series, `$tag_channel` standing for the channel."""

    influxql: str
    label: str = "$tag_channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One question and its answer; `unit` is Grafana's id of a unit (`none` where there is none)."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    width: int
    kind: Kind = Kind.TREND
    decimals: int = 0
    height: int = 8
    bars: bool = False

    def to_json(self, id: int, x: int, y: int) -> Json:
        result_format = "table" if self.kind is Kind.TABLE else "time_series"
        return {
            "id": id,
            "type": self.kind.value,
            "title": self.title,
            "description": self.description,
            "datasource": SOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "interval": "1m",  # the store's finest sums are minutes
            "targets": [_target(query, ref, result_format) for query, ref in zip(self.queries, "ABCDEFGH", strict=False)],
            "fieldConfig": {"defaults": self._field_defaults(), "overrides": []},
            "options": self._options(),
        }

    def _field_defaults(self) -> Json:
        defaults: Json = {"unit": self.unit, "decimals": self.decimals, "noValue": "no data"}
        if self.kind is Kind.TREND:
            # a gap stays a gap: no line is drawn over time in which nothing was measured
            defaults["custom"] = {"drawStyle": "bars" if self.bars else "line", "fillOpacity": 40 if self.bars else 0, "showPoints": "auto", "spanNulls": False}
        return defaults

    def _options(self) -> Json:
        if self.kind is Kind.TABLE:
            return {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": "Time", "desc": False}]}
        return {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A heading and the panels under it, from left to right, then down."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice at the head of the dashboard, filled by an InfluxQL query; `regex` takes the part of a value that is meant."""

    name: str
    label: str
    influxql: str
    regex: str = ""

    def to_json(self) -> Json:
        return {
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": SOURCE,
            "query": self.influxql,
            "definition": self.influxql,
            "regex": self.regex,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
            "refresh": 2,  # with the time range
            "sort": 1,
            "hide": 0,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A page of rows."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    time_from: str = "now-8h"
    refresh: str = "1m"

    def to_json(self) -> Json:
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["oshwatch"],
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,  # it is code: a change belongs there
            "timezone": "browser",
            "time": {"from": self.time_from, "to": "now"},
            "refresh": self.refresh,
            "templating": {"list": [_datasource_variable(), *(variable.to_json() for variable in self.variables)]},
            "annotations": {"list": []},
            "links": [],
            "panels": _laid_out(self.rows),
        }


def _target(query: Query, ref: str, result_format: str) -> Json:
    return {"refId": ref, "datasource": SOURCE, "rawQuery": True, "query": query.influxql, "resultFormat": result_format, "alias": query.label}


def _datasource_variable() -> Json:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "influxdb", "refresh": 1, "hide": 0, "multi": False, "includeAll": False}


def _laid_out(rows: tuple[Row, ...]) -> list[Json]:
    panels: list[Json] = []
    y = 0
    for row in rows:
        panels.append({"id": len(panels) + 1, "type": "row", "title": row.title, "collapsed": False, "gridPos": {"h": 1, "w": GRID_WIDTH, "x": 0, "y": y}, "panels": []})
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > GRID_WIDTH:
                x, y, height = 0, y + height, 0
            panels.append(panel.to_json(len(panels) + 1, x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return panels
