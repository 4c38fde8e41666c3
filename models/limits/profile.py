"""What a limit profile says (contract 5); the published schema `profile.schema.json` is made from these types."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Literal

import msgspec

from models.airborne.units import mg_m3_from_ppm
from models.heat.tables import WbgtTable

Status = Literal["verified", "unverified"]
Metric = Literal[
    "wbgt_effective_60min_worst",
    "dose_3db",
    "dose_5db_t80",
    "dose_5db_t90",
    "lex_8h",
    "lcpeak_max",
    "la_max",
    "twa",
    "stel_15min_max",
    "ceiling_max",
    "minutes_over_ceiling",
    "air_temperature",
    "relative_humidity",
    "air_speed",
    "radiant_flux",
]
Averaging = Literal[
    "60min", "8h_dose", "8h_dose_5db", "8h_level", "instantaneous", "sum_over_8h", "worst_8h", "shift_up_to_10h", "15min", "10min", "min_in_shift", "min_in_2h", "min_in_3h"
]
Fraction = Literal["respirable", "inhalable", "thoracic", "total", "lint_free_respirable"]

AVERAGING_TEXT: dict[str, str] = {
    "60min": "time-weighted mean of 60 min",
    "8h_dose": "dose of the shift, 3 dB exchange rate",
    "8h_dose_5db": "dose of the shift, 5 dB exchange rate, slow response",
    "8h_level": "exposure of the shift, normalised to 8 h",
    "instantaneous": "at no time",
    "sum_over_8h": "sum over the shift, divided by 8 h",
    "worst_8h": "worst 8 h of the shift",
    "shift_up_to_10h": "mean of a shift of up to 10 h",
    "15min": "mean of any 15 min",
    "10min": "mean of any 10 min",
    "min_in_shift": "minutes in a shift",
    "min_in_2h": "minutes in any 2 h",
    "min_in_3h": "minutes in any 3 h",
}
WINDOW_MIN: dict[str, int] = {"instantaneous": 0, "10min": 10, "15min": 15, "60min": 60}


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document that was used: title, edition, and where its text was seen; nothing in `seen` when it was not."""

    title: str
    edition: str
    seen: str = ""


class Rung(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a noise ladder as printed: how long a level may last in a day."""

    minutes: float
    level_db: float


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number of one body for one agent, in force on [valid_from, valid_until)."""

    id: str
    agent: str  # "heat", "noise", "microclimate", a CAS number, or "dust:cotton", "group:diisocyanates"
    name: str
    metric: Metric
    averaging: Averaging
    unit: Literal["Cel", "%", "dB", "ppm", "mg/m3", "min", "%RH", "m/s", "W/m2"]
    value: float | None = None  # None where a formula or table gives it
    lowest: float | None = None  # of a range: not under this
    formula: str | None = None  # a name of models.heat.niosh.FORMULAS
    table: WbgtTable | None = None
    ladder: list[Rung] = []  # a dose as the source prints it
    over_ppm: float | None = None  # of minutes_over_ceiling: what the minutes are counted over
    acclimatised: Literal["yes", "no"] | None = None  # for whom a heat limit is
    value_mg_m3: float | None = None  # the same limit as the source prints it in mg/m³
    molar_mass_g_mol: float | None = None
    ref_temperature_c: float | None = None
    action_level: float | None = None  # in the limit's unit; None: the body sets none
    fraction: Fraction | None = None  # of a dust
    measured_as: str = ""  # "NCO", "Mn": the mass of that, not of the agent
    members: list[str] = []  # CAS numbers that a limit for a group or an element is also for
    applies_to: str = ""  # the only work that it is for; "": all
    with_protectors: bool = False  # held against the level under hearing protectors
    valid_from: str
    valid_until: str | None = None
    source: str  # a key of the profile's sources
    clause: str
    status: Status
    note: str = ""

    @property
    def window_min(self) -> int | None:
        """Length of a sliding window; 0 for single values, None for a whole shift."""
        return WINDOW_MIN.get(self.averaging)

    @property
    def averaging_text(self) -> str:
        return AVERAGING_TEXT[self.averaging]

    @property
    def is_direct(self) -> bool:
        """Whether a sensor of the agent may be held against it: not where an element or a dust fraction is meant, hearing protectors count, or some work only."""
        return not (self.measured_as or self.fraction or self.with_protectors or self.applies_to)

    def is_for(self, agent: str) -> bool:
        return agent == self.agent or agent in self.members

    def value_in(self, unit: str) -> float | None:
        """The limit in a channel's unit: as printed where the source prints it, else converted at the list's reference temperature; None when that cannot be done."""
        if not self.is_direct:
            return None
        if unit == self.unit:
            return self.value
        if (unit, self.unit) == ("mg/m3", "ppm") and self.value is not None:
            if self.value_mg_m3 is not None:
                return self.value_mg_m3
            return None if self._mg_a_ppm is None else self.value * self._mg_a_ppm
        if (unit, self.unit) == ("ppm", "mg/m3") and self.value is not None and self._mg_a_ppm is not None:
            return self.value / self._mg_a_ppm
        return None

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day.isoformat() and (self.valid_until is None or day.isoformat() < self.valid_until)

    @property
    def _mg_a_ppm(self) -> float | None:
        if self.molar_mass_g_mol is None or self.ref_temperature_c is None:
            return None
        return _mg_a_ppm(self.molar_mass_g_mol, self.ref_temperature_c)


@lru_cache(maxsize=1_024)
def _mg_a_ppm(molar_mass_g_mol: float, ref_temperature_c: float) -> float:
    return mg_m3_from_ppm(1.0, molar_mass_g_mol, ref_temperature_c)


class Mixture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Substances whose shares of their limits are added up, and may not come to more than one."""

    id: str
    name: str
    metric: Literal["twa"] = "twa"
    agents: list[str] = []  # CAS numbers; none: every substance of the profile that has such a limit
    valid_from: str
    valid_until: str | None = None
    source: str
    clause: str
    status: Status
    note: str = ""

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day.isoformat() and (self.valid_until is None or day.isoformat() < self.valid_until)

    def is_for(self, agent: str) -> bool:
        return not self.agents or agent in self.agents


class ExtendedShifts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shift limits of other profiles lowered for shifts of more than eight hours."""

    id: str
    rule: Literal["brief_scala_daily"]
    agents: list[str]  # CAS numbers of what it is for
    source: str
    clause: str
    status: Status


class GeneralDuty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A duty without a number of its own: `none` where the law is known to have no number, `not_known` where nobody has looked it up yet."""

    agents: list[str]
    number: Literal["none", "not_known"]
    duty: str  # in our words
    source: str
    clause: str
    status: Status


class NotCovered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Agents for which the profile has no limit, and why."""

    agents: list[str]
    reason: str


class Guidance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do, in order: first what comes first. In our words, with where it comes from."""

    agents: list[str]
    order: int
    control: Literal["elimination", "substitution", "engineering", "organisation", "protective_equipment", "information"]
    text: str
    source: str
    clause: str


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All limits of one body or jurisdiction."""

    id: str
    name: str
    jurisdiction: str  # ISO 3166 code, or "" for a body whose numbers bind nobody
    law: bool
    accepts_screening: bool = False  # whether a screening result may say `within` (contract 4.1)
    authority: str = ""  # who can confirm what is unverified
    notice: str = ""
    sources: dict[str, Source]
    limits: list[Limit]
    mixtures: list[Mixture] = []
    extended_shifts: list[ExtendedShifts] = []
    general_duties: list[GeneralDuty] = []
    not_covered: list[NotCovered] = []
    guidance: list[Guidance] = []
    confirm: list[str] = []  # questions to the authority

    def clause_of(self, entry: Limit | Mixture | ExtendedShifts | GeneralDuty | Guidance) -> str:
        """Title, edition and clause in one line."""
        source = self.sources[entry.source]
        return ", ".join(part for part in (source.title, source.edition, entry.clause) if part)
