"""Sealed hours: the readings, or the minutes, of one channel and hour as columns, deltas and zlib; exact to the last bit (decision 24).

Numbers that a few decimals write exactly are kept as integers, others as their eight bytes. Stdlib only: the ingest worker stays small (`sealed_arrays` reads minutes as arrays).
"""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import accumulate, repeat
from operator import sub
from typing import Any

import msgspec

from domain.reading import Minute, Reading

LEVEL = 1
_SIGNED = ("b", "h", "i", "q")
_SCALES = (1, 10, 100, 1_000, 10_000)
_MAX_EXACT = 2**53
_PLAIN = (4, (), True)

Row = tuple[int, float | None, int, tuple[int, ...]]
State = tuple[int, tuple[int, ...], bool]


class PackedInts(msgspec.Struct, array_like=True, frozen=True):
    """first, then first differences: each `low` + `step` × what the array says."""

    first: int
    low: int
    step: int
    code: str  # "": every difference is `low`
    body: bytes


class PackedFloats(msgspec.Struct, array_like=True, frozen=True):
    scale: int  # 0: eight bytes each
    ints: PackedInts | None
    body: bytes


class _Readings(msgspec.Struct, array_like=True, frozen=True):
    number: int
    times: PackedInts
    values: PackedFloats
    states: list[State]
    of: bytes  # a state's number for each reading; empty when there is one state


class PackedMinutes(msgspec.Struct, array_like=True, frozen=True):
    number: int
    starts: PackedInts
    counts: tuple[PackedInts, PackedInts, PackedInts, PackedInts]  # valid, rejected, saturated, below_detection
    total: PackedFloats
    low: PackedFloats
    high: PackedFloats
    reasons: list[tuple[int, ...]]
    of: bytes


_encode = msgspec.msgpack.Encoder().encode
_readings_of = msgspec.msgpack.Decoder(_Readings).decode
packed_minutes = msgspec.msgpack.Decoder(PackedMinutes).decode


def seal_readings(rows: Sequence[Row]) -> bytes:
    """Rows (time_us, value, q, r), ascending in time and not empty."""
    times, values, qualities, reasons = zip(*rows, strict=True)
    states, of = _numbered(list(zip(qualities, reasons, (value is not None for value in values), strict=True)))
    numbers = _filled(values) if None in values else values
    return zlib.compress(_encode(_Readings(len(rows), _pack_ints(times), _pack_floats(numbers), states, of)), LEVEL)


def unseal_readings(body: bytes) -> tuple[list[int], list[float | None], list[State]]:
    """Times, values, and the state (q, r, whether it has a value) of each."""
    found = _readings_of(zlib.decompress(body))
    times = _unpack_ints(found.times, found.number)
    values: list[float | None] = list(_unpack_floats(found.values, found.number))
    states = states_of(found.states, found.of, found.number)
    if not all(state[2] for state in found.states):
        values = [value if state[2] else None for value, state in zip(values, states, strict=True)]
    return times, values, states


def readings_from(channel: str, body: bytes) -> list[Reading]:
    times, values, states = unseal_readings(body)
    if states.count(_PLAIN) == len(states):
        return list(map(Reading, repeat(channel), times, values))
    return [Reading(channel, time_us, value, q, r) for time_us, value, (q, r, _) in zip(times, values, states, strict=True)]


def seal_minutes(minutes: Sequence[Minute]) -> bytes:
    """Ascending and not empty."""
    reasons, of = _numbered([minute.reasons for minute in minutes])
    return zlib.compress(
        _encode(
            PackedMinutes(
                len(minutes),
                _pack_ints([minute.start_us for minute in minutes]),
                (
                    _pack_ints([minute.valid for minute in minutes]),
                    _pack_ints([minute.rejected for minute in minutes]),
                    _pack_ints([minute.saturated for minute in minutes]),
                    _pack_ints([minute.below_detection for minute in minutes]),
                ),
                _pack_floats([minute.total for minute in minutes]),
                _pack_floats(_filled([minute.low for minute in minutes])),
                _pack_floats(_filled([minute.high for minute in minutes])),
                reasons,
                of,
            )
        ),
        LEVEL,
    )


def minutes_from(channel: str, body: bytes) -> list[Minute]:
    """A minute without a valid sample has no low and no high."""
    found = packed_minutes(zlib.decompress(body))
    number = found.number
    valid, rejected, saturated, below = (_unpack_ints(each, number) for each in found.counts)
    columns = zip(
        _unpack_ints(found.starts, number), valid, rejected, _unpack_floats(found.total, number), _unpack_floats(found.low, number), _unpack_floats(found.high, number),
        saturated, below, states_of(found.reasons, found.of, number), strict=True,
    )  # fmt: skip
    return [
        Minute(
            channel=channel,
            start_us=start_us,
            valid=valid,
            rejected=rejected,
            total=total,
            low=low if valid else None,
            high=high if valid else None,
            saturated=saturated,
            below_detection=below,
            reasons=reasons,
        )
        for start_us, valid, rejected, total, low, high, saturated, below, reasons in columns
    ]


def _pack_ints(values: Sequence[int]) -> PackedInts:
    differences = list(map(sub, values[1:], values))
    if not differences:
        return PackedInts(values[0], 0, 1, "", b"")
    low, high = min(differences), max(differences)
    if low == high:
        return PackedInts(values[0], low, 1, "", b"")
    if low >= -128 and high < 128:
        return PackedInts(values[0], 0, 1, "b", array("b", differences).tobytes())
    step = reduce(math.gcd, (difference - low for difference in differences))
    middle = low + (high - low) // (2 * step) * step
    offsets = [(difference - middle) // step for difference in differences]
    code = _code(min(offsets), max(offsets))
    return PackedInts(values[0], middle, step, code, _apart(array(code, offsets)))


def _unpack_ints(packed: PackedInts, number: int) -> list[int]:
    if not packed.code:
        return list(range(packed.first, packed.first + packed.low * number, packed.low)) if packed.low else [packed.first] * number
    offsets: Iterable[int] = _together(packed.code, packed.body)
    if packed.low or packed.step != 1:
        low, step = packed.low, packed.step
        offsets = [low + step * offset for offset in offsets]
    return list(accumulate(offsets, initial=packed.first))


def _pack_floats(values: Sequence[float]) -> PackedFloats:
    scale = next((scale for scale in _SCALES if _is_exact(values[0], scale)), 0)
    while scale:
        if scaled := _scaled(values, scale):
            return PackedFloats(scale, _pack_ints(scaled), b"")
        scale = scale * 10 if scale < _SCALES[-1] else 0
    return PackedFloats(0, None, _apart(array("d", values)))


def _unpack_floats(packed: PackedFloats, number: int) -> list[float]:
    if packed.ints is None:
        return list(_together("d", packed.body))
    scale = packed.scale
    return [value / scale for value in _unpack_ints(packed.ints, number)]


def _is_exact(value: float, scale: int) -> bool:
    return abs(value) * scale < _MAX_EXACT and round(value * scale) / scale == value


def _scaled(values: Sequence[float], scale: int) -> list[int]:
    """Empty when that many decimals do not write every value exactly; a negative zero is none that an integer writes."""
    if not max(map(abs, values)) * scale < _MAX_EXACT or (0.0 in values and any(value == 0.0 and math.copysign(1.0, value) < 0 for value in values)):
        return []
    scaled = [round(value * scale) for value in values]
    return scaled if [value / scale for value in scaled] == list(values) else []


def _code(low: int, high: int) -> str:
    return next(code for code, bits in zip(_SIGNED, (7, 15, 31, 63), strict=True) if -(1 << bits) <= low and high < 1 << bits)


def _apart(values: array[Any]) -> bytes:
    """First bytes first, then second bytes: alike stands next to alike."""
    body, size = values.tobytes(), values.itemsize
    return b"".join(body[byte::size] for byte in range(size))


def _together(code: str, body: bytes) -> array[Any]:
    values = array(code)
    size = values.itemsize
    number, together = len(body) // size, bytearray(len(body))
    for byte in range(size):
        together[byte::size] = body[byte * number : (byte + 1) * number]
    values.frombytes(bytes(together))
    return values


def _filled(values: Iterable[float | None]) -> list[float]:
    """What is not there takes the value before it, which costs least; the state says that it is none."""
    filled, before = [], 0.0
    for value in values:
        if value is not None:
            before = value
        filled.append(before)
    return filled


def _numbered(states: Sequence[Any]) -> tuple[list[Any], bytes]:
    known = {state: number for number, state in enumerate(dict.fromkeys(states))}
    if len(known) == 1:
        return list(known), b""
    of = [known[state] for state in states]
    return list(known), bytes(of) if len(known) <= 256 else array("I", of).tobytes()


def states_of(states: Sequence[Any], of: bytes, number: int) -> list[Any]:
    if not of:
        return list(states) * number
    numbers: Iterable[int] = of if len(of) == number else array("I", of)
    return [states[each] for each in numbers]
