"""What a zone looks like with its suspected sensors replaced: from the suspicion on by what each read in the hour before, moved as trusted ones of the same quantity in the zone moved since.
Protection goes by the higher of both looks; verdicts and packs are of what was measured alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from assess import texts
from assess.live import LiveWindow, LiveZone
from assess.live_contested import key_of, stricter
from assess.live_window import Now
from assess.minutes import Series
from assess.outcome import ZoneShift
from assess.plan import Span
from assess.protect import live_zone, prepare_look
from domain.reading import Reading
from domain.times import MINUTE_US
from models.arrays import Array

BEFORE_MIN = 60
Since = Mapping[str, int]
"""Since when each suspected channel is."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A zone's minutes with these channels of them replaced."""

    work: ZoneShift
    channels: Sequence[str]


def with_replaced(span: Span, series: Mapping[str, Series], since: Since) -> dict[str, Series]:
    """The suspected channels of a zone, replaced; without those of which nothing from before is on record."""
    found = {channel: _replaced(span, series, channel, since) for channel in span.channels if channel in since}
    return {channel: one for channel, one in found.items() if one is not None}


def _replaced(span: Span, series: Mapping[str, Series], channel: str, since: Since) -> Series | None:
    own, first = series[channel], max(0, (since[channel] - span.start_us) // MINUTE_US)
    trusted = _trusted(span, series, channel, since)
    guess = _guess(own.value, trusted, first)
    here = ~np.isnan(own.value)
    here[:first] = False
    if guess is None:
        return None
    here &= ~np.isnan(guess)
    if not here.any():
        return None
    value, top = own.value.copy(), own.top.copy()
    value[here] = top[here] = guess[here]
    return replace(own, value=value, top=top, saturated=own.saturated & ~here)


def _trusted(span: Span, series: Mapping[str, Series], channel: str, since: Since) -> list[Array]:
    quantity = span.channels[channel].quantity
    return [series[other].value for other, one in span.channels.items() if other not in since and one.quantity == quantity]


def _guess(own: Array, trusted: Sequence[Array], first: int) -> Array | None:
    """By minute: its own hour before and the others' movement since; the others alone where it has no past in this shift; None where there is neither."""
    before = slice(max(0, first - BEFORE_MIN), first)
    level = _mean(own[before])
    levels = [_mean(other[before]) for other in trusted]
    moved = [other - was for other, was in zip(trusted, levels, strict=True) if was is not None]
    if level is not None:
        return level + np.nan_to_num(_mean_of(moved, len(own)), nan=0.0)
    return _mean_of(trusted, len(own)) if trusted else None


def _mean_of(rows: Sequence[Array], minutes: int) -> Array:
    """NaN in a minute in which nobody was heard."""
    heard = np.sum([~np.isnan(row) for row in rows], axis=0) if rows else np.zeros(minutes)
    total = np.nansum(rows, axis=0) if rows else np.zeros(minutes)
    found: Array = np.divide(total, heard, out=np.full(minutes, np.nan), where=heard > 0)
    return found


def _mean(values: Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def look_replaced(measured: LiveZone, replaced: Replaced, since: Since, now: Now) -> LiveZone:
    """The higher of what was measured and of the zone with those replaced that are still suspected."""
    work, suspected = replaced.work, [channel for channel in replaced.channels if channel in since]
    now = _replaced_now(now, {channel: work.series[channel] for channel in suspected})
    prepare_look([work], now)
    return _higher(measured, live_zone(work, now), suspected)


def _replaced_now(now: Now, replaced: Mapping[str, Series]) -> Now:
    """The freshest readings, the suspected ones with their replaced value of the last minute."""
    return replace(now, counting={channel: _read(reading, replaced.get(channel)) for channel, reading in now.counting.items()}) if replaced else now


def _read(reading: Reading, series: Series | None) -> Reading:
    if series is None:
        return reading
    known = series.value[~np.isnan(series.value)]
    return msgspec.structs.replace(reading, value=float(known[-1])) if len(known) else reading


def _higher(measured: LiveZone, replaced: LiveZone, suspected: Sequence[str]) -> LiveZone:
    """Of each window the worse; those that a suspected sensor feeds say both values."""
    others = {key_of(window): window for window in replaced.windows}
    found = stricter(measured, replaced)
    windows = [_both(window, own, others.get(key_of(own)), suspected) for own, window in zip(measured.windows, found.windows, strict=True)]
    return msgspec.structs.replace(found, windows=windows)


def _both(window: LiveWindow, measured: LiveWindow, other: LiveWindow | None, suspected: Sequence[str]) -> LiveWindow:
    sensors = [channel for channel in measured.channels if channel in suspected]
    if not sensors or other is None or measured.value is None or other.value is None or measured.value == other.value:
        return window
    said = texts.SUSPECTS_REPLACED.format(sensors=", ".join(sensors), measured=f"{measured.value:.4g} {measured.unit}", replaced=f"{other.value:.4g} {other.unit}")
    return msgspec.structs.replace(window, reasons=[*window.reasons, said])
