"""The master alarm table (ISA-18.2): every alarm type with its cause, consequence, response, time to respond and basis of set-point, as data; and what a site changed of it."""

from alerts.policy.table import AlarmClass, AlarmRow, Level, Policy, Source, load_policy

__all__ = ["AlarmClass", "AlarmRow", "Level", "Policy", "Source", "load_policy"]
