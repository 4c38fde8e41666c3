"""Limit profiles: one body or jurisdiction a YAML file, every number dated and with its source. A profile is never edited in place: a change is a new dated entry."""

from models.limits.heat import HeatLimit, heat_limit, status_at
from models.limits.loader import Written, check, duties, in_force, limit_refs, list_profiles, load_profile, load_profiles, show, where_written
from models.limits.profile import GeneralDuty, Limit, Profile, Source

__all__ = [
    "GeneralDuty",
    "HeatLimit",
    "Limit",
    "Profile",
    "Source",
    "Written",
    "check",
    "duties",
    "heat_limit",
    "in_force",
    "limit_refs",
    "list_profiles",
    "load_profile",
    "load_profiles",
    "show",
    "status_at",
    "where_written",
]
