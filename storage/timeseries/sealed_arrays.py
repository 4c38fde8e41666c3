"""Sealed hours of minutes as arrays: what `sealed.minutes_from` says, to the last bit, without an object or a number a minute. For readers that have numpy."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from storage.timeseries.columns import MinuteColumns
from storage.timeseries.sealed import PackedFloats, PackedInts, packed_minutes, states_of

_IntArray = npt.NDArray[np.int64]
_FloatArray = npt.NDArray[np.float64]


def columns_from(bodies: Sequence[bytes]) -> MinuteColumns:
    """The minutes of hours that follow each other."""
    hours = [packed_minutes(zlib.decompress(body)) for body in bodies]
    if not hours:
        return MinuteColumns()
    valid, rejected, saturated, below = ([(hour.counts[index], hour.number) for hour in hours] for index in range(4))
    return MinuteColumns(
        start_us=_joined([(hour.starts, hour.number) for hour in hours]),
        valid=_joined(valid),
        rejected=_joined(rejected),
        total=np.concatenate([_floats(hour.total, hour.number) for hour in hours]),
        low=np.concatenate([_floats(hour.low, hour.number) for hour in hours]),
        high=np.concatenate([_floats(hour.high, hour.number) for hour in hours]),
        saturated=_joined(saturated),
        below_detection=_joined(below),
        reasons=list(chain.from_iterable([states_of(hour.reasons, hour.of, hour.number) for hour in hours])),
    )


def _joined(hours: Sequence[tuple[PackedInts, int]]) -> _IntArray:
    """A count is mostly the same all through."""
    first = hours[0][0].first
    if all(packed.first == first and not packed.code and not packed.low for packed, _ in hours):
        return np.full(sum(number for _, number in hours), first, dtype=np.int64)
    return np.concatenate([_ints(packed, number) for packed, number in hours])


def _ints(packed: PackedInts, number: int) -> _IntArray:
    if not packed.code:
        return packed.first + packed.low * np.arange(number, dtype=np.int64)
    found = np.empty(number, dtype=np.int64)
    found[0] = packed.first
    found[1:] = _together(packed.code, packed.body)
    found[1:] *= packed.step
    found[1:] += packed.low
    return np.cumsum(found, out=found)


def _floats(packed: PackedFloats, number: int) -> _FloatArray:
    if packed.ints is None:
        return np.asarray(_together("d", packed.body), dtype=np.float64)
    return _ints(packed.ints, number) / packed.scale


def _together(code: str, body: bytes) -> npt.NDArray[np.generic]:
    """Bytes that were laid apart."""
    kind = np.dtype(code)
    return np.frombuffer(body, dtype=np.uint8).reshape(kind.itemsize, -1).T.copy().view(kind)[:, 0]
