"""Values and plans in which both sides have a say: who entered them, who agreed, and what holds until both have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Side = Literal["worker", "management"]
SIDES: tuple[Side, ...] = ("worker", "management")
_WORDS: dict[Side, tuple[str, ...]] = {"worker": ("worker", "union", "labour"), "management": ("management", "employer")}
"""Words by which a registry file's `agreed_by` names a side."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One side's word; the latest of a side counts."""

    side: Side
    agree: bool
    by: str
    at: str
    text: str = ""


def sides_that(signatures: Sequence[Signature], *, agree: bool) -> list[Side]:
    """Sides whose latest word is this."""
    latest = {signature.side: signature.agree for signature in signatures}
    return [side for side in SIDES if latest.get(side) is agree]


def both_agree(signatures: Sequence[Signature]) -> bool:
    return len(sides_that(signatures, agree=True)) == len(SIDES)


ZONE_VALUES = ("metabolic_rate_w", "metabolic_rate_measured", "clothing", "acclimatised", "newcomers", "rest_zone", "protector_attenuation_db", "protector")


class ZoneRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Values of one zone from a date on. One that makes results less strict stands only when both sides agree to it."""

    id: str
    zone: str  # site.zone
    metabolic_rate_w: float | None = None
    metabolic_rate_measured: bool | None = None
    clothing: str | None = None
    acclimatised: Literal["yes", "no", "unknown"] | None = None
    women: int | None = None
    men: int | None = None
    newcomers: int | None = None  # not yet used to the heat
    rest_zone: str | None = None
    protector_attenuation_db: float | None = None
    protector: str | None = None
    shift: str = ""  # a headcount of this shift only
    less_strict: bool = False  # than what held when it was entered
    signatures: list[Signature] = []

    @property
    def stands(self) -> bool:
        return not self.less_strict or both_agree(self.signatures)

    @property
    def values(self) -> dict[str, str | float | bool]:
        """What it sets, by the names of the registry file; a headcount apart."""
        names = ZONE_VALUES if self.women is None else ()
        held = {name: getattr(self, name) for name in names}
        return {name: value for name, value in held.items() if value is not None}


LAB_RESULT = "lab_result"


class Milder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value of a registry file that may make a result less strict than the value before it; `was` and `is_now` are empty where a person could be recognised."""

    kind: str
    id: str
    name: str
    was: str = ""
    is_now: str = ""
    zone: str = ""  # site.zone; empty: all of the site
    valid_from_us: int
    digest: str  # of the entry's body


class SiteChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an import made less strict. It is applied from its date on; until both sides agree, results give beside it what held before."""

    id: str
    site: str
    milder: list[Milder]
    signatures: list[Signature] = []

    @property
    def stands(self) -> bool:
        return both_agree(self.signatures)


class PlanRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How one hazard of one zone is looked after, and why so."""

    zone: str
    hazard: str
    how: Literal["sensor", "lab_sample", "not_monitored"]
    why: str = ""
    channels: list[str] = []
    every: str = ""  # of a lab sample: how often
    height_m: float | None = None
    distance_to_source_m: float | None = None
    photo_sha256: str = ""
    agreed_by: list[str] = []


class MonitoringPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of one site; in force from the instant at which both sides have signed it."""

    id: str
    rows: list[PlanRow] = []
    signatures: list[Signature] = []

    @property
    def in_force(self) -> bool:
        return both_agree(self.signatures)


def decode_plan(id: str, body: bytes) -> MonitoringPlan:
    """A plan as it was entered: signed in the house, or rows of a registry file, which count as signed where each names both sides."""
    if not body.startswith(b"["):
        return msgspec.json.decode(body, type=MonitoringPlan)
    rows = [row for item in msgspec.json.decode(body) if (row := _row(item)) is not None]
    signed: list[Side] = [side for side in SIDES if rows and all(_names(row, side) for row in rows)]
    return MonitoringPlan(id=id, rows=rows, signatures=[Signature(side=side, agree=True, by="registry file", at="") for side in signed])


def _row(item: object) -> PlanRow | None:
    try:
        return msgspec.convert(item, PlanRow, strict=False)
    except msgspec.ValidationError:
        return None


def _names(row: PlanRow, side: Side) -> bool:
    named = " ".join(row.agreed_by).lower()
    return any(word in named for word in _WORDS[side])
