"""What a limit profile says (contract 5); the published schema `profile.schema.json` is made from these types."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from models.airborne.units import mg_m3_from_ppm

Metric = Literal["wbgt_effective_60min_worst", "dose_3db", "lex_8h", "lcpeak_max", "twa", "stel_15min_max", "ceiling_max"]
Averaging = Literal["60min", "8h_dose", "8h_level", "instantaneous", "sum_over_8h", "worst_8h", "shift_up_to_10h", "15min", "10min"]

AVERAGING_TEXT: dict[str, str] = {
    "60min": "time-weighted mean of 60 min",
    "8h_dose": "dose of the shift, 3 dB exchange rate",
    "8h_level": "exposure of the shift, normalised to 8 h",
    "instantaneous": "at no time",
    "sum_over_8h": "sum over the shift, divided by 8 h",
    "worst_8h": "worst 8 h of the shift",
    "shift_up_to_10h": "mean of a shift of up to 10 h",
    "15min": "mean of any 15 min",
    "10min": "mean of any 10 min",
}
WINDOW_MIN: dict[str, int] = {"instantaneous": 0, "10min": 10, "15min": 15, "60min": 60}


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document that was used: title, edition, and where its text was seen."""

    title: str
    edition: str
    seen: str = ""


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number of one body for one agent, in force on [valid_from, valid_until)."""

    id: str
    agent: str  # "heat", "noise", or a CAS number
    name: str
    metric: Metric
    averaging: Averaging
    unit: Literal["Cel", "%", "dB", "ppm", "mg/m3"]
    value: float | None = None  # None where a formula gives it
    formula: str | None = None  # a name of models.heat.niosh.FORMULAS
    acclimatised: Literal["yes", "no"] | None = None  # for whom a heat limit is
    value_mg_m3: float | None = None  # the same limit as the source prints it in mg/m³
    molar_mass_g_mol: float | None = None
    ref_temperature_c: float | None = None
    action_level: float | None = None  # in the limit's unit; None: the body sets none
    valid_from: str
    valid_until: str | None = None
    source: str  # a key of the profile's sources
    clause: str
    status: Literal["verified", "unverified"]
    note: str = ""

    @property
    def window_min(self) -> int | None:
        """Length of a sliding window; 0 for single values, None for a whole shift."""
        return WINDOW_MIN.get(self.averaging)

    @property
    def averaging_text(self) -> str:
        return AVERAGING_TEXT[self.averaging]

    def value_in(self, unit: str) -> float | None:
        """The limit in a channel's unit: as printed where the source prints it, else converted at the list's reference temperature; None when that cannot be done."""
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
        return mg_m3_from_ppm(1.0, self.molar_mass_g_mol, self.ref_temperature_c)


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All limits of one body or jurisdiction."""

    id: str
    name: str
    jurisdiction: str  # ISO 3166 code, or "" for a body whose numbers bind nobody
    law: bool
    accepts_screening: bool = False  # whether a screening result may say `within` (contract 4.1)
    notice: str = ""
    sources: dict[str, Source]
    limits: list[Limit]

    def clause_of(self, limit: Limit) -> str:
        """Title, edition and clause in one line."""
        source = self.sources[limit.source]
        return ", ".join(part for part in (source.title, source.edition, limit.clause) if part)
