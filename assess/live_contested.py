"""What a zone looks like while a calibration waits for a side: protection goes by the stricter of the looks with and without it."""

from __future__ import annotations

from math import inf

from msgspec.structs import replace

from assess.live import LiveWindow, LiveZone
from domain.hazards import worst


def stricter(one: LiveZone, other: LiveZone) -> LiveZone:
    """Of each window and hazard the worse."""
    others = {key_of(window): window for window in other.windows}
    windows = [_worse(window, others.get(key_of(window))) for window in one.windows]
    hazards = {hazard: worst([status, *([other.hazards[hazard]] if hazard in other.hazards else [])]) for hazard, status in one.hazards.items()}
    return replace(one, status=worst([one.status, other.status]), hazards=hazards, windows=windows)


def key_of(window: LiveWindow) -> tuple[str, str, str]:
    """Which window of its zone it is."""
    return window.placement, window.hazard, window.metric


def _worse(window: LiveWindow, other: LiveWindow | None) -> LiveWindow:
    if other is None or worst([window.status, other.status]) is window.status is not other.status:
        return window
    same, higher = window.status is other.status, _value(other) > _value(window)
    return other if higher or not same else window


def _value(window: LiveWindow) -> float:
    return -inf if window.value is None else window.value
