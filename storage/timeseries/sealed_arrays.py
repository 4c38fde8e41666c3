"""Sealed hours of minutes as arrays: what `sealed.minutes_from` says, to the last bit, without an object or a number a minute. For readers that have numpy."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from storage.timeseries.columns import MinuteColumns
from storage.timeseries.sealed import PackedFloats, PackedInts, packed_minutes, states_of

_IntArray = npt.NDArray[np.int64]
_FloatArray = npt.NDArray[np.float64]
_FLOATS = attrgetter("total"), attrgetter("low"), attrgetter("high")


def columns_from(bodies: Sequence[bytes]) -> MinuteColumns:
    """The minutes of hours that follow each other."""
    hours = [packed_minutes(zlib.decompress(body)) for body in bodies]
    if not hours:
        return MinuteColumns()
    valid, rejected, saturated, below = ([(hour.counts[index], hour.number) for hour in hours] for index in range(4))
    floats = _floats([(of(hour), hour.number) for of in _FLOATS for hour in hours])
    return MinuteColumns(
        start_us=_joined([(hour.starts, hour.number) for hour in hours]),
        valid=_joined(valid),
        rejected=_joined(rejected),
        total=np.concatenate(floats[: len(hours)]),
        low=np.concatenate(floats[len(hours) : 2 * len(hours)]),
        high=np.concatenate(floats[2 * len(hours) :]),
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
    found[1:] = _together(packed.code, packed.body, 1)[0]
    found[1:] *= packed.step
    found[1:] += packed.low
    return np.cumsum(found, out=found)


def _floats(packed: Sequence[tuple[PackedFloats, int]]) -> list[_FloatArray]:
    """Each with its number; those that are packed alike are unpacked as rows of one array."""
    groups: dict[tuple[str | None, int], list[int]] = defaultdict(list)
    for index, (one, number) in enumerate(packed):
        groups[one.ints.code if one.ints else None, number].append(index)
    found: dict[int, _FloatArray] = {}
    for (code, number), indices in groups.items():
        found.update(zip(indices, _rows(code, number, [packed[index][0] for index in indices]), strict=True))
    return [found[index] for index in range(len(packed))]


def _rows(code: str | None, number: int, packed: Sequence[PackedFloats]) -> _FloatArray:
    if code is None:
        return np.asarray(_together("d", b"".join([one.body for one in packed]), len(packed)), dtype=np.float64)
    ints = [one.ints for one in packed if one.ints is not None]
    first, low, step, scale = (
        np.array(each, dtype=np.int64)[:, np.newaxis] for each in zip(*((each.first, each.low, each.step, one.scale) for one, each in zip(packed, ints, strict=True)), strict=True)
    )
    if not code:
        return np.asarray((first + low * np.arange(number, dtype=np.int64)) / scale, dtype=np.float64)
    found = np.empty((len(ints), number), dtype=np.int64)
    found[:, :1] = first
    found[:, 1:] = _together(code, b"".join([each.body for each in ints]), len(ints))
    found[:, 1:] *= step
    found[:, 1:] += low
    return np.asarray(np.cumsum(found, axis=-1, out=found) / scale, dtype=np.float64)


def _together(code: str, body: bytes, rows: int) -> npt.NDArray[np.generic]:
    """Bytes that were laid apart, of each row."""
    kind = np.dtype(code)
    return np.frombuffer(body, dtype=np.uint8).reshape(rows, kind.itemsize, -1).transpose(0, 2, 1).copy().view(kind)[:, :, 0]
