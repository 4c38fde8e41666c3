"""The master alarm table (ISA-18.2): every alarm type with its cause, consequence, response, time to respond and basis of set-point, as data."""

from alerts.policy.table import AlarmRow, Level, Policy, Source, load_policy

__all__ = ["AlarmRow", "Level", "Policy", "Source", "load_policy"]
