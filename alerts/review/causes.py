"""Causes to choose from, by hazard; free text always stands beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.hazards import SYSTEM_HAZARDS

_AIR = ("extraction_failed", "filter_full", "container_open", "spill", "ventilation_weak")
BY_HAZARD: Mapping[str, Sequence[str]] = {
    "heat": ("weather", "heat_source_bare", "ventilation_weak", "cooling_failed", "work_heavier", "rest_not_taken"),
    "noise": ("machine_worn", "enclosure_open", "compressed_air", "layout"),
    "dust": ("extraction_failed", "filter_full", "housekeeping", "layout"),
    "air_quality": ("ventilation_weak", "too_many_people", "layout"),
    "chemical": (*_AIR, "substitute_not_used"),
    "gas": (*_AIR, "combustion"),
    "system": ("power_cut", "network_down", "sensor_broken", "sensor_moved"),
}
ALWAYS = ("maintenance_overdue", "training_missing", "not_known", "other")


def causes_for(hazard: str) -> list[str]:
    """What may be chosen for a hazard, the specific first."""
    kind = "system" if hazard in SYSTEM_HAZARDS else hazard.partition(":")[0]
    return [*BY_HAZARD.get(kind, ()), *ALWAYS]
