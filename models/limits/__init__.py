"""Limit profiles: one body or jurisdiction a YAML file, every number dated and with its source. A profile is never edited in place: a change is a new dated entry."""

from models.limits.loader import check, in_force, limit_refs, list_profiles, load_profile, load_profiles, show
from models.limits.profile import Limit, Profile, Source

__all__ = ["Limit", "Profile", "Source", "check", "in_force", "limit_refs", "list_profiles", "load_profile", "load_profiles", "show"]
