"""Reads the master alarm table. It holds no limit: what is over a limit is said by `assess` and by the profiles of `models.limits`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field

from domain.errors import BadInput
from domain.hazards import Severity
from domain.scope import Role
from domain.yamltext import line_of, parse_yaml

DEFAULT = Path(__file__).with_name("default.yaml")

Text = Annotated[str, Meta(min_length=1)]
Seconds = Annotated[float, Meta(ge=0)]


class Source(StrEnum):
    """Who sees the condition."""

    WINDOW = "window"  # a running window of assess
    INSTANT = "instant"  # one reading over a ceiling or peak
    EXTREME = "extreme"  # one reading that is saturated or implausibly high
    SYSTEM = "system"  # the measuring system about itself
    MODEL = "model"  # a forecast or a suspicion: begins as a notice


class AlarmClass(StrEnum):
    """Alarms that are looked after in the same way (ISA-18.2, 6.2.5)."""

    ACUTE = "acute"
    EXPOSURE = "exposure"
    MONITORING = "monitoring"
    EVIDENCE = "evidence"
    MODEL = "model"


class ClassOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a class is, and how the severity of its alarms follows from consequence and time to respond."""

    name: Text
    priority: Text


class Level(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one severity of an alarm behaves, and what people are to do. Texts are msgids: the pages translate them."""

    response: Text
    set_point: Text  # the basis of the set-point, in words
    respond_within_min: Annotated[int, Meta(gt=0)] | None = None  # absent only for a notice
    on_delay_s: Seconds = 0
    off_delay_s: Seconds = 0
    deadband: Annotated[float, Meta(ge=0)] = 0.0  # in the window's unit
    deadband_share: Annotated[float, Meta(ge=0, lt=1)] = 0.0  # of the set-point
    latching: bool = False
    margin: Annotated[float, Meta(ge=0)] = 0.0  # so much before the set-point it begins, in the window's unit
    margin_share: Annotated[float, Meta(ge=0, lt=1)] = 0.0  # of the set-point
    close_behind: Annotated[float, Meta(ge=0)] = 0.0  # a call names the zones of its site that are so close below where it begins, in the window's unit
    call_holds_min: Annotated[int, Meta(ge=0)] = 0  # and for so long they are not called for again at this level
    ends_with_shift: bool = False  # returns when the people leave, unless it is at stop level; outside shifts it comes anew only after it was under
    responses: dict[str, str] = {}  # a site's own words, by language

    def begins(self, set_point: float) -> float:
        """The value over which it begins; never above the set-point."""
        return set_point - max(self.margin, self.margin_share * abs(set_point))

    def say(self, language: str) -> str:
        """What to do: the site's own words in this language where it has them, else the msgid."""
        return self.responses.get(language) or self.response


class AlarmRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alarm type."""

    type: Text
    title: Text
    source: Source
    class_: AlarmClass = field(name="class")
    hazards: Annotated[list[str], Meta(min_length=1)]  # patterns
    metrics: list[str] = []  # patterns; of windows only
    ends_with_shift: bool = False  # a dose returns when its shift is over
    cause: Text
    consequence: Text
    who: Text
    levels: Annotated[dict[Severity, Level], Meta(min_length=1)]
    review_by: Text

    def covers(self, hazard: str, metric: str = "") -> bool:
        return _any(self.hazards, hazard) and (not self.metrics or _any(self.metrics, metric))

    def level(self, severity: Severity) -> Level:
        """The level of this severity, or the nearest one that the row has."""
        return self.levels.get(severity) or max(self.levels.items(), key=lambda item: item[0].rank)[1]

    @property
    def lowest(self) -> Severity:
        return min(self.levels, key=lambda severity: severity.rank)


class Paging(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is called: when an alert is raised, and when nobody has confirmed a response in time."""

    action: list[Role]
    stop: list[Role]
    overdue: list[Role]


class PolicyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    version: int
    paging: Paging
    classes: dict[AlarmClass, ClassOf]
    alarms: Annotated[list[AlarmRow], Meta(min_length=1)]


@dataclass(frozen=True)
class Policy:
    """The table in force."""

    file: PolicyFile

    @cached_property
    def rows(self) -> Mapping[str, AlarmRow]:
        return {row.type: row for row in self.file.alarms}

    @property
    def paging(self) -> Paging:
        return self.file.paging

    def for_site(self, site: str) -> Policy:
        """What holds at this site; without site policies the table itself."""
        return self

    def window_row(self, hazard: str, metric: str) -> AlarmRow:
        """The row of a window; the last window row of the table takes every other one, so that nothing over a limit has no alarm."""
        windows = [row for row in self.file.alarms if row.source is Source.WINDOW]
        return next((row for row in windows if row.covers(hazard, metric)), windows[-1])

    def instant_row(self, hazard: str) -> AlarmRow | None:
        """The row of a single reading over a ceiling or peak of this hazard."""
        return next((row for row in self.file.alarms if row.source is Source.INSTANT and Severity.STOP in row.levels and row.covers(hazard)), None)

    def advice(self, hazard: str, status: str) -> str:
        """What to do where a hazard has this status, as a msgid; "" while it is within."""
        if status == "unknown":
            return self.rows["zone_no_data"].level(Severity.ACTION).response
        if status not in ("action", "stop"):
            return ""
        rows = [row for row in self.file.alarms if row.source in (Source.WINDOW, Source.INSTANT) and row.covers(hazard, "*")]
        return next((row.levels[Severity(status)].response for row in rows if Severity(status) in row.levels), "")

    def texts(self) -> Iterator[str]:
        """Every text that a person may read, for the translators."""
        for kind in self.file.classes.values():
            yield from (kind.name, kind.priority)
        for row in self.file.alarms:
            yield from (row.title, row.cause, row.consequence, row.who)
            for level in row.levels.values():
                yield from (level.response, level.set_point)


def load_policy(path: Path = DEFAULT) -> Policy:
    """The table of a file; raises `BadInput` with file, line and field."""
    text = path.read_text(encoding="utf-8")
    file = parse_yaml(text, PolicyFile, source=str(path))
    for index, row in enumerate(file.alarms):
        problem = _problem(file, index, row)
        if problem:
            field, message, remedy = problem
            raise BadInput(message, source=str(path), line=line_of(text, "alarms", index, field), field=f"alarms[{index}].{field}", remedy=remedy)
    return Policy(file)


def _problem(file: PolicyFile, index: int, row: AlarmRow) -> tuple[str, str, str] | None:
    if any(other.type == row.type for other in file.alarms[:index]):
        return "type", f"'{row.type}' has a row already", "one row a type"
    if row.class_ not in file.classes:
        return "class", f"the class '{row.class_}' is not described", "add it under classes"
    try:
        date.fromisoformat(row.review_by)
    except ValueError:
        return "review_by", f"'{row.review_by}' is not a date", "write 2027-06-30"
    for severity, level in row.levels.items():
        if severity is not Severity.NOTICE and level.respond_within_min is None:
            return "levels", f"{severity.value} has no time to respond", "an alarm without a response is a notice (ISA-18.2)"
        if severity is Severity.STOP and level.ends_with_shift:
            return "levels", "danger at stop level does not end with a shift", "remove ends_with_shift"
        if severity is not Severity.ACTION and level.call_holds_min:
            return "levels", f"a call at {severity.value} level cannot hold for other zones", "each alert at stop level calls people itself; remove call_holds_min"
    return None


def _any(patterns: list[str], text: str) -> bool:
    """`*` as the text asks for any."""
    return text == "*" or any(fnmatchcase(text, pattern) for pattern in patterns)
