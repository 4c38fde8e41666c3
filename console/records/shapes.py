"""The JSON of records: what is sent, and what is answered."""

from __future__ import annotations

from typing import Literal

import msgspec

from domain.agreements import PlanRow, Side, Signature
from domain.lab import LabResult
from domain.register import SubstanceFields, WasteFields
from domain.verdict import CalibrationState, WorkersOf

CalibrationType = Literal["factory", "zero", "span", "bump", "field_check", "colocation", "acoustic"]


class CalibrationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done to one channel's instrument. Corrected value = (raw - offset) * gain, from then on."""

    type: CalibrationType
    performed_at: str
    by: str = ""  # a laboratory or an officer; absent: who sends this
    passed: bool = msgspec.field(name="pass", default=True)
    offset: float = 0.0
    gain: float = 1.0
    next_due: str | None = None
    certificate: str = ""
    reason: str = ""


class CalibrationJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    channel: str
    type: CalibrationType
    performed_at: str
    by: str
    passed: bool = msgspec.field(name="pass")
    offset: float
    gain: float
    next_due: str | None
    certificate: str
    state: CalibrationState  # of this record alone, today
    author: str
    reason: str
    recorded_at: str


class CalibrationsJson(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: of the instrument, today, by all of its records; the newest first."""

    channel: str
    state: CalibrationState
    items: list[CalibrationJson]
    next: str | None = None


class HeadcountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Persons assigned to a zone; nobody is named."""

    women: int
    men: int
    newcomers: int | None = None  # of them, not yet used to the heat
    shift: str = ""  # of this shift only
    valid_from: str | None = None  # absent: now
    reason: str = ""


class WorkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the heat limit of a zone rests on; what is left out stays as it is."""

    metabolic_rate_w: float | None = None
    metabolic_rate_measured: bool | None = None
    clothing: str | None = None
    acclimatised: Literal["yes", "no", "unknown"] | None = None
    newcomers: int | None = None  # goes with `acclimatised: yes`; 0 where there are none
    rest_zone: str | None = None  # a zone of the site; empty: at the place of work
    protector_attenuation_db: float | None = None  # of hearing protectors as worn, as the employer declares it
    protector: str | None = None
    valid_from: str | None = None
    reason: str = ""


class AgreeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side's word; the side is that of who sends it."""

    agree: bool = True
    text: str = ""
    side: Side | None = None


class ZoneRecordJson(msgspec.Struct, frozen=True, kw_only=True):
    """One dated change of a zone; `id` is empty where a registry file made it."""

    id: str
    valid_from: str | None  # None: always
    recorded_at: str
    author: str
    reason: str
    values: dict[str, str | float | bool]
    workers: WorkersOf | None
    newcomers: int | None
    shift: str
    less_strict: bool
    stands: bool
    agreed_by: list[Side]
    waiting_for: list[Side]
    signatures: list[Signature]


class HeadcountJson(msgspec.Struct, frozen=True, kw_only=True):
    """What counts now, what is proposed, and everything that was entered, the newest first."""

    zone: str
    workers: WorkersOf | None
    shifts: dict[str, WorkersOf]
    newcomers: dict[str, int]  # by shift; "" for all that have no count of their own
    contested: bool
    proposed: list[ZoneRecordJson]
    items: list[ZoneRecordJson]
    next: str | None = None


class WorkJson(msgspec.Struct, frozen=True, kw_only=True):
    zone: str
    metabolic_rate_w: float | None
    metabolic_rate_measured: bool
    clothing: str
    acclimatised: str
    newcomers: int | None
    rest_zone: str | None
    protector_attenuation_db: float | None
    protector: str
    contested: bool
    proposed: list[ZoneRecordJson]
    items: list[ZoneRecordJson]
    next: str | None = None


class LabResultBody(LabResult, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A laboratory's result, with why it is entered."""

    reason: str = ""


class LabResultJson(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    zone: str
    result: LabResult
    volume_l: float | None
    flow_differs_pct: float | None
    doubtful: list[str]
    superseded_by: int | None
    author: str
    reason: str
    recorded_at: str


class SignatureBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    side: Side
    agree: bool = True
    text: str = ""


class PlanBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rows of a site's monitoring plan, and the caller's own signature, if they sign at once."""

    rows: list[PlanRow]
    signatures: list[SignatureBody] = []
    reason: str = ""


class PlanRowJson(msgspec.Struct, frozen=True, kw_only=True):
    """A row; `proposal`: nobody has entered it, it follows from hazards and sensors."""

    zone: str
    hazard: str
    how: Literal["sensor", "lab_sample", "not_monitored"]
    why: str
    channels: list[str]
    every: str
    height_m: float | None
    distance_to_source_m: float | None
    photo_sha256: str
    agreed_by: list[str]
    proposal: bool


class PlanVersionJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    rows: list[PlanRowJson]
    signatures: list[Signature]
    agreed_by: list[Side]
    waiting_for: list[Side]
    valid_from: str | None
    recorded_at: str
    author: str
    reason: str


class NotMeasuredJson(msgspec.Struct, frozen=True, kw_only=True):
    zone: str
    hazard: str
    why: str


class PlanJson(msgspec.Struct, frozen=True, kw_only=True):
    """`rows`: of the plan in force, else of the one that waits for signatures, else proposed from hazards and sensors."""

    site: str
    state: Literal["in_force", "waiting", "none"]
    rows: list[PlanRowJson]
    in_force: PlanVersionJson | None
    waiting: PlanVersionJson | None
    not_measured: list[NotMeasuredJson]


class MilderJson(msgspec.Struct, frozen=True, kw_only=True):
    """One value that an import changed; `was` and `is_now` are empty for counts of persons."""

    kind: str
    id: str
    name: str
    was: str
    is_now: str
    zone: str | None
    valid_from: str | None


class SiteChangeJson(msgspec.Struct, frozen=True, kw_only=True):
    """What an import made less strict: applied, and contested until both sides agree."""

    id: str
    changes: list[MilderJson]
    contested: bool
    agreed_by: list[Side]
    waiting_for: list[Side]
    signatures: list[Signature]
    author: str
    reason: str
    recorded_at: str


class OvertimeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Work of a zone beside its shift plan; nobody is named."""

    shift: str
    start: str
    stop: str
    date: str = ""  # of the shift; absent: the local date of `start`
    reason: str = ""


class OvertimeJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    zone: str
    date: str
    shift: str
    start: str
    stop: str
    minutes: float
    stands: bool
    withdrawn_by: list[Side]
    signatures: list[Signature]
    author: str
    reason: str
    recorded_at: str


class UnassignedJson(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch outside any shift that sounds like work; `minutes`: those that do."""

    channel: str
    start: str
    stop: str
    minutes: int


class OvertimesJson(msgspec.Struct, frozen=True, kw_only=True):
    """What was entered, and signs of work that nobody has entered."""

    items: list[OvertimeJson]
    unassigned: list[UnassignedJson]
    next: str | None = None


class SubstanceBody(SubstanceFields, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of the register; `replaces`: the line that it brings up to date."""

    replaces: str = ""
    reason: str = ""


class WasteBody(WasteFields, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    replaces: str = ""
    reason: str = ""


class RetireBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: str = ""


class SubstanceJson(SubstanceFields, frozen=True, kw_only=True, omit_defaults=False):
    """A line as it was entered; `until`: when it was retired or replaced."""

    id: str
    since: str
    until: str | None
    author: str
    reason: str
    retired_by: str | None
    retired_reason: str | None


class WasteJson(WasteFields, frozen=True, kw_only=True, omit_defaults=False):
    id: str
    since: str
    until: str | None
    author: str
    reason: str
    retired_by: str | None
    retired_reason: str | None
