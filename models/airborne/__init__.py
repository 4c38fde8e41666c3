"""Gases and vapours: concentrations of any one unit, minutes along the last axis. NaN is no value and never a zero."""
