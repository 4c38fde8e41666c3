"""Lab results and pump samples: what no sensor can measure. There is no field for a person's name, and an unknown field is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from domain.errors import BadInput
from domain.ids import ID_RULE, is_id
from domain.quantities import is_cas
from domain.times import DAY_US, MINUTE_US, parse_instant

FRACTIONS = ("respirable", "inhalable", "thoracic", "total", "cotton_dust")
"""Dust fractions with a limit; a sampler makes them, no sensor does."""
DUSTS = {"respirable": "dust:general", "inhalable": "dust:general", "thoracic": "dust:general", "total": "dust:general", "cotton_dust": "dust:cotton"}
"""Under which agent the limit profiles have each of them."""
UNITS = ("mg/m3", "ug/m3", "ppm", "ppb", "f/cm3")
FLOW_MAY_DIFFER_PCT = 5.0
"""EN ISO 13137: a sample whose flow before and after differs by more is doubtful."""
LONGEST_US = 2 * DAY_US
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXT_MAX = 500


class LabResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One analysed sample of one substance or dust fraction."""

    agent: str  # a CAS number or a dust fraction
    method: str  # such as NIOSH 2549
    value: float  # for `<` the limit of quantification, for `>` the greatest that could be told
    unit: str
    start: str
    stop: str
    basis: Literal["personal", "static_breathing_zone", "area"]
    laboratory: str
    fraction: Literal["", "respirable", "inhalable", "thoracic", "total", "lint_free_respirable"] = ""  # that the sampler took, of a substance or of cotton dust
    measured_as: str = ""  # "NCO", "Mn": what the mass is of, where not of the substance itself
    qualifier: Literal["", "<", ">"] = ""
    loq: float | None = None
    flow_pre_l_min: float | None = None
    flow_post_l_min: float | None = None
    pump_serial: str = ""
    sampler: str = ""
    sampler_serial: str = ""
    blank: float | None = None  # of the field blank, in the result's unit
    uncertainty_pct: float | None = None  # expanded
    accreditation: str = ""
    custody: list[str] = []  # who had the sample, by role or organisation
    task: str = ""  # what was done meanwhile
    report_sha256: str = ""
    set: str = ""  # samples of one shift that one person wore, or one place had, one after another
    temperature_c: float | None = None  # of the air that was drawn, as its volume is stated
    pressure_hpa: float | None = None
    supersedes: int | None = None  # the id of the result that this one corrects

    @property
    def start_us(self) -> int:
        return parse_instant(self.start, field="start")

    @property
    def stop_us(self) -> int:
        return parse_instant(self.stop, field="stop")

    @property
    def fraction_of(self) -> str:
        """The dust fraction; "" for a gas, a vapour, or what nobody said."""
        return self.fraction or (self.agent if self.agent in DUSTS and self.agent != "cotton_dust" else "")

    @property
    def flow_differs_pct(self) -> float | None:
        """How far the flow after is from the flow before."""
        if self.flow_pre_l_min is None or self.flow_post_l_min is None:
            return None
        return abs(self.flow_post_l_min - self.flow_pre_l_min) / self.flow_pre_l_min * 100

    @property
    def is_void(self) -> bool:
        """Whether the pump's flow changed by more than a sample can bear."""
        return self.flow_differs_pct is not None and self.flow_differs_pct > FLOW_MAY_DIFFER_PCT

    @property
    def volume_l(self) -> float | None:
        """Air drawn, by the mean of both flows."""
        if self.flow_pre_l_min is None or self.flow_post_l_min is None:
            return None
        return (self.flow_pre_l_min + self.flow_post_l_min) / 2 * (self.stop_us - self.start_us) / 60e6


def doubts_of(result: LabResult) -> list[str]:
    """What is not on record of a sample that should prove something: a name each."""
    missing = {
        "flow": bool(result.pump_serial) and result.flow_differs_pct is None,
        "blank": result.blank is None,
        "accreditation": not result.accreditation.strip(),
        "uncertainty": result.uncertainty_pct is None and result.qualifier != "<",
    }
    return [name for name, is_missing in missing.items() if is_missing]


def check_set(result: LabResult, others: Iterable[LabResult]) -> None:
    """Raises `BadInput` where it cannot be joined with the others of its set: several at once are not of one person or place."""
    for other in (one for one in others if result.set and one.set == result.set and one.agent == result.agent):
        if abs(other.start_us - result.start_us) > LONGEST_US:
            continue
        for name in ("unit", "fraction", "measured_as", "basis"):
            if getattr(other, name) != getattr(result, name):
                raise BadInput(f"differs from the other samples of set '{result.set}'", field=name, remedy="one set is of one unit, fraction and basis; give it another name")
        if result.start_us < other.stop_us - MINUTE_US and other.start_us < result.stop_us - MINUTE_US:
            raise BadInput(f"overlaps another sample of set '{result.set}'", field="start", remedy="a set is drawn one after another; give another person's samples another set")


def check_lab_result(result: LabResult, now_us: int) -> None:
    """Raises `BadInput` for the first thing that its types allow and that cannot be."""
    if not is_cas(result.agent) and result.agent not in FRACTIONS:
        raise BadInput(f"'{result.agent}' is neither a CAS number nor a dust fraction", field="agent", remedy="a CAS number that checks, or one of " + ", ".join(FRACTIONS))
    if result.fraction and result.agent in DUSTS and result.agent not in ("cotton_dust", result.fraction):
        raise BadInput(f"'{result.fraction}' contradicts the agent '{result.agent}'", field="fraction", remedy="leave it out: the agent is the fraction")
    if result.unit not in UNITS:
        raise BadInput(f"no unit '{result.unit}'", field="unit", remedy="one of " + ", ".join(UNITS))
    _check_times(result, now_us)
    _check_numbers(result)
    _check_texts(result)


def _check_times(result: LabResult, now_us: int) -> None:
    if result.stop_us <= result.start_us:
        raise BadInput("is not after start", field="stop", remedy="when the pump was stopped")
    if result.stop_us - result.start_us > LONGEST_US:
        raise BadInput("is more than two days after start", field="stop", remedy="one sample a result")
    if result.stop_us > now_us:
        raise BadInput("lies in the future", field="stop", remedy="enter a sample once it is taken")


def _check_numbers(result: LabResult) -> None:
    for name in ("value", "loq", "flow_pre_l_min", "flow_post_l_min", "blank", "uncertainty_pct"):
        number, may_be_zero = getattr(result, name), name in ("value", "blank", "uncertainty_pct")
        if number is not None and not (math.isfinite(number) and (number > 0 or (may_be_zero and number == 0))):
            raise BadInput(f"{number:g} cannot be", field=name, remedy="a number of 0 or more" if may_be_zero else "a number greater than 0")
    for name, low, high in (("temperature_c", -40.0, 80.0), ("pressure_hpa", 500.0, 1100.0)):
        number = getattr(result, name)
        if number is not None and not low <= number <= high:
            raise BadInput(f"{number:g} cannot be", field=name, remedy=f"{low:g} to {high:g}")
    if result.value == 0:
        raise BadInput("0 is no result", field="value", remedy='what was not found is qualifier "<" with the limit of quantification as its value')
    if not result.qualifier and result.loq is not None and result.value < result.loq:
        raise BadInput("is under the limit of quantification", field="value", remedy='set qualifier "<" and value to the limit of quantification')


def _check_texts(result: LabResult) -> None:
    for name in ("method", "laboratory"):
        if not getattr(result, name).strip():
            raise BadInput("is empty", field=name, remedy="as it stands in the laboratory's report")
    for name in ("method", "laboratory", "pump_serial", "sampler", "sampler_serial", "accreditation", "task", "measured_as"):
        if len(getattr(result, name)) > _TEXT_MAX:
            raise BadInput("is too long", field=name, remedy=f"at most {_TEXT_MAX} characters")
    if len(result.custody) > 20 or any(len(holder) > _TEXT_MAX for holder in result.custody):
        raise BadInput("is too long", field="custody", remedy="at most 20 holders")
    if result.set and not is_id(result.set):
        raise BadInput(f"'{result.set}' is no id", field="set", remedy=f"a word of your own that names nobody: {ID_RULE}")
    if result.report_sha256 and not _SHA256.fullmatch(result.report_sha256):
        raise BadInput("is no SHA-256", field="report_sha256", remedy="64 lower-case hexadecimal digits")
