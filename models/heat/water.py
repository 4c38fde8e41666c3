"""Drinking water to have at hand in heat: 1 US quart (0.95 L) of cool water per worker and hour, as OSHA's proposed 29 CFR 1910.148(f)(2) (89 FR 70698, 2024) asks from its initial heat trigger on, which is the RAL where WBGT is measured."""

from __future__ import annotations

LITRES_EACH_HOUR = 0.95


def water_l(hours_over: float) -> float:
    """Litres for one person in so many hours at or over the trigger.

    >>> water_l(4)
    3.8
    """
    return LITRES_EACH_HOUR * hours_over
