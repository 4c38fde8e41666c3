"""Each minute, where the running windows of all zones are heading. It learns from what it saw and keeps that in a file; no verdict and no limit rule reads it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from assess.live import Forecast, LiveWindow, LiveZone
from assess.live_air import SETTLED_MIN
from domain.times import MINUTE_US
from domain.verdict import LimitOf
from models.arrays import Array, Mask
from models.forecast.crossing import HORIZONS_MIN, STEP_MIN, crossing
from models.forecast.shift_end import ratios_of, shift_end

CROSSING, SHIFT_END = "forecast-crossing@1", "forecast-shift-end@1"
KEPT = 7 * 24 * 60 // STEP_MIN
STEP_US = STEP_MIN * MINUTE_US
HOUR_STEPS = HORIZONS_MIN[-1] // STEP_MIN
SHARES = np.arange(1, 20) / 20.0
SHIFTS_KEPT = 30
NEARLY_WHOLE = 0.9
"""A shift that was seen up to here tells how it ended."""
CHUNK = 256
LIKELY = 0.5
PERCENTILES = ("p10", "p50", "p90")
HEAT_SCALE_K = 1.5
"""What the WBGT of a hall may change in an hour before its own record says more."""
PEAK_SCALE_DB = 6.0
"""The same of a sound level."""
OTHER_SCALE = 0.25
"""The same of other values, as a share of their limit."""

Key = tuple[str, str, str, str]
Worked = Mapping[str, tuple[int, int]]
"""By zone: minutes worked so far and planned in the whole shift."""

_log = logging.getLogger(__name__)


class _Curve(msgspec.Struct, kw_only=True):
    """What one shift had summed up at each of SHARES, and at the last look."""

    shift: str
    sums: list[float | None]
    last: float
    share: float


class _State(msgspec.Struct, kw_only=True):
    """What was learned; written as JSON, NaN as null."""

    version: int = 1
    bin: int = 0
    keys: list[list[str]] = []
    since: list[int] = []
    running: dict[str, _Curve] = {}
    past: dict[str, list[_Curve]] = {}


class Forecaster:
    """Used by the thread that assesses. `path`: where it keeps what it learned; None: nowhere."""

    def __init__(self, path: Path | None = None) -> None:
        self._path, self._state = path, _State()
        self._history = np.full((0, KEPT), np.nan, dtype=np.float32)
        self._rows: dict[Key, int] = {}
        self._latest: dict[str, list[Forecast]] = {}
        self._relived: dict[str, _Curve] = {}
        self._promised: deque[tuple[int, dict[Key, tuple[float, float]]]] = deque()  # by step: chance within the hour, and limit
        self._chances: dict[str, list[float]] = {}
        self._minute = -1
        if path is not None:
            self._load(path)

    def follow(self, live: Sequence[LiveZone], worked: Callable[[], Worked], now_us: int) -> list[LiveZone]:
        """The same zones with their forecasts, which are made anew with each minute."""
        if now_us // MINUTE_US != self._minute:
            self._minute = now_us // MINUTE_US
            self._turn_to(now_us // STEP_US)
            self._latest = {}
            for forecast, zone in [*self._crossings(live, now_us), *self._shift_ends(live, worked(), now_us)]:
                self._latest.setdefault(zone, []).append(forecast)
        return [msgspec.structs.replace(zone, forecasts=_still(self._latest.get(zone.zone, []), zone)) for zone in live]

    # --- over the limit within the hour

    def _turn_to(self, bin_: int) -> None:
        """Time goes on; what nobody saw stays unknown."""
        passed = bin_ - self._state.bin
        while self._promised and not 0 <= bin_ - self._promised[0][0] <= HOUR_STEPS:
            self._settle(*self._promised.popleft())
        if passed < 0 or passed >= KEPT:
            self._history[:] = np.nan
        elif passed:
            self._history[:, :-passed] = self._history[:, passed:]
            self._history[:, -passed:] = np.nan
        self._state.bin = bin_
        if passed and self._path is not None:
            self._save(self._path)

    def _settle(self, bin_: int, promised: Mapping[Key, tuple[float, float]]) -> None:
        """An hour later it is known whether it came so; where a third of the hour is unknown nobody says."""
        first = KEPT + bin_ - self._state.bin
        for key, (chance, line) in promised.items():
            hour = self._history[self._rows[key], max(first, 0) : first + HOUR_STEPS]
            known = hour[~np.isnan(hour)]
            if len(known) * 3 >= HOUR_STEPS * 2:
                kept = self._chances.setdefault(key[3], [0.0] * 4)
                self._chances[key[3]] = [held + new for held, new in zip(kept, (1.0, chance, chance * (1.0 - chance), float(known.max() > line)), strict=True)]

    def take_chances(self) -> dict[str, list[float]]:
        """By metric, since the last call: forecasts of the hour that is over, the sum of their chances, of chance × (1 - chance), and how many came true."""
        found, self._chances = self._chances, {}
        return found

    def _crossings(self, live: Sequence[LiveZone], now_us: int) -> list[tuple[Forecast, str]]:
        wanted = [(zone, window, limit) for zone in live for window in zone.windows if (limit := _limit(window, zone)) is not None and not _adds_up(window)]
        rows = np.array([self._row((zone.zone, window.placement, window.hazard, window.metric), now_us) for zone, window, _ in wanted], dtype=np.intp)
        if not wanted:
            return []
        values = np.array([window.value for _, window, _ in wanted], dtype=np.float64)
        self._history[rows, -1] = values
        found = []
        for first in range(0, len(wanted), CHUNK):
            part = slice(first, first + CHUNK)
            lines = np.array([limit.value for _, _, limit in wanted[part]], dtype=np.float64)
            scale = np.array([_scale(window, limit.value) for _, window, limit in wanted[part] if limit.value is not None])
            result = crossing(self._history[rows[part]], values[part], lines, scale)
            for index, (zone, window, limit) in enumerate(wanted[part]):
                if limit.value is None or values[first + index] > limit.value:
                    continue
                minutes, chances = result.expected_min[index], result.probability[index]
                forecast = _forecast(
                    window,
                    limit,
                    {str(horizon): float(chance) for horizon, chance in zip(HORIZONS_MIN, chances, strict=True)},
                    result.fan[index],
                    now_us + HORIZONS_MIN[-1] * MINUTE_US,
                    None if np.isnan(minutes) else now_us + round(float(minutes)) * MINUTE_US,
                    method=CROSSING,
                    known=int(result.moments[index]),
                    since_us=self._state.since[rows[first + index]],
                )
                found.append((forecast, zone.zone))
                self._promise((zone.zone, window.placement, window.hazard, window.metric), float(chances[-1]), limit.value)
        return found

    def _promise(self, key: Key, chance: float, line: float) -> None:
        """One a step: its first."""
        if not self._promised or self._promised[-1][0] != self._state.bin:
            self._promised.append((self._state.bin, {}))
        self._promised[-1][1].setdefault(key, (chance, line))

    def _row(self, key: Key, now_us: int) -> int:
        if key not in self._rows:
            self._rows[key] = len(self._rows)
            self._state.keys.append(list(key))
            self._state.since.append(now_us)
            if len(self._rows) > len(self._history):
                room = np.full((max(16, len(self._history)), KEPT), np.nan, dtype=np.float32)
                self._history = np.concatenate([self._history, room])
        return self._rows[key]

    # --- over the limit by the end of the shift

    def _shift_ends(self, live: Sequence[LiveZone], worked: Worked, now_us: int) -> list[tuple[Forecast, str]]:
        found = []
        for zone in live:
            done, planned = worked.get(zone.zone, (0, 0))
            if zone.shift is None or done < STEP_MIN or planned <= 0:
                continue
            share = min(1.0, done / planned)
            for window in zone.windows:
                limit = _limit(window, zone)
                if limit is None or limit.value is None or not _adds_up(window) or window.value is None:
                    continue
                key = _line_key(zone, window)
                summed, line = _summed(window.value, window, limit, done, share), _energy(window, limit.value)
                self._learn(self._state.running, key, f"{zone.shift.date} {zone.shift.name}", summed, share)
                if window.value <= limit.value or window.metric == "lex_8h":
                    found.append((self._shift_end(key, window, limit, summed, line, share, planned, now_us), zone.zone))
        return found

    def _learn(self, curves: dict[str, _Curve], key: str, shift: str, summed: float, share: float) -> None:
        running = curves.get(key)
        if running is None or running.shift != shift:
            if running is not None:
                self._ended(key, running)
            running = curves[key] = _Curve(shift=shift, sums=[None] * len(SHARES), last=summed, share=share)
        for index in np.flatnonzero(np.abs(SHARES - share) <= 0.025):
            running.sums[int(index)] = summed / max(share, 1e-9) * float(SHARES[index])
        running.last, running.share = summed, share

    def _ended(self, key: str, curve: _Curve) -> None:
        """A shift that was seen nearly whole is kept; of two looks at the same one what the fuller of them saw."""
        if curve.share < NEARLY_WHOLE:
            return
        held = self._state.past.get(key, [])
        other = next((one for one in held if one.shift == curve.shift), None)
        if other is None or _seen(curve) > _seen(other):
            self._state.past[key] = sorted([*(one for one in held if one is not other), curve], key=lambda one: one.shift)[-SHIFTS_KEPT:]

    def _shift_end(self, key: str, window: LiveWindow, limit: LimitOf, summed: float, line: float, share: float, planned: int, now_us: int) -> Forecast:
        index = int(np.argmin(np.abs(SHARES - share)))
        past = [(before, curve.last / curve.share) for curve in self._state.past.get(key, []) if (before := curve.sums[index]) is not None]
        ratios = ratios_of([one for one, _ in past], [one for _, one in past], SHARES[index]) if past else np.array([np.nan])
        left_min = max(0.0, (1.0 - share) * planned)
        ahead = np.array([*(minutes / planned for minutes in HORIZONS_MIN), 1.0])
        four = np.ones(len(ahead))
        result = shift_end(summed * four, share * four, line * four, np.tile(ratios, (len(ahead), 1)), ahead)
        fan, stop_us = result.fan[-1], now_us + round(left_min) * MINUTE_US
        return _forecast(
            window,
            limit,
            dict(zip([*map(str, HORIZONS_MIN), "shift_end"], map(float, result.probability), strict=True)),
            10.0 * np.log10(np.maximum(fan, 1e-12)) if window.metric == "lex_8h" else fan,
            stop_us,
            _reached_us(summed, line, share, left_min, planned, fan, now_us),
            method=SHIFT_END,
            known=int((~np.isnan(ratios)).sum()),
            since_us=now_us - round(share * planned) * MINUTE_US,
        )

    # --- the past that nobody saw

    def unseen(self, zone: str) -> Mask:
        """Of each kept step whether nothing of this zone is known; never of the present one."""
        rows = [row for key, row in self._rows.items() if key[0] == zone]
        found: Mask = ~np.any(~np.isnan(self._history[rows]), axis=0) if rows else np.ones(KEPT, dtype=bool)
        found[-1] = False
        return found

    def relive(self, live: Sequence[LiveZone], worked: Worked, at_us: int) -> None:
        """Learns from a look at a past moment. Looks at one zone come in the order of time; what was seen live stays."""
        column = KEPT - 1 - (self._state.bin - at_us // STEP_US)
        for zone in live:
            for window in zone.windows:
                if (limit := _limit(window, zone)) is None or window.value is None:
                    continue
                if not _adds_up(window):
                    self._enter(self._row((zone.zone, window.placement, window.hazard, window.metric), at_us), column, window.value, at_us)
                elif zone.shift is not None:
                    self._relive_shift(zone, f"{zone.shift.date} {zone.shift.name}", window, limit, worked.get(zone.zone, (0, 0)))

    def relived(self) -> None:
        """No more past looks for now: the last shift of each line has ended, but for the one that runs."""
        for key, curve in self._relived.items():
            running = self._state.running.get(key)
            if running is None or running.shift != curve.shift:
                self._ended(key, curve)
        self._relived = {}

    def _enter(self, row: int, column: int, value: float, at_us: int) -> None:
        if 0 <= column < KEPT - 1 and np.isnan(self._history[row, column]):
            self._history[row, column] = value
            self._state.since[row] = min(self._state.since[row], at_us)

    def _relive_shift(self, zone: LiveZone, shift: str, window: LiveWindow, limit: LimitOf, worked: tuple[int, int]) -> None:
        done, planned = worked
        if done < STEP_MIN or planned <= 0 or window.value is None:
            return
        key, share = _line_key(zone, window), min(1.0, done / planned)
        self._learn(self._relived, key, shift, _summed(window.value, window, limit, done, share), share)
        running = self._state.running.get(key)
        if running is not None and running.shift == shift:
            running.sums = [mine if mine is not None else past for mine, past in zip(running.sums, self._relived[key].sums, strict=True)]

    # --- what is kept

    def _save(self, path: Path) -> None:
        """Whole or not at all; what cannot be kept is only learned anew."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name, write in (
                ("history.npy", lambda file: np.save(file, self._history[: len(self._rows)], allow_pickle=False)),
                ("state.json", lambda file: file.write(msgspec.json.encode(self._state))),
            ):
                part = path / f"{name}.part"
                with part.open("wb") as file:
                    write(file)
                part.replace(path / name)
        except OSError as error:
            _log.warning("what the forecasts learned cannot be kept in %s: %s", path, error)

    def _load(self, path: Path) -> None:
        try:
            state = msgspec.json.decode((path / "state.json").read_bytes(), type=_State)
            history = np.load(path / "history.npy", allow_pickle=False)
        except FileNotFoundError:
            return
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            _log.warning("what the forecasts learned cannot be read from %s, they begin anew: %s", path, error)
            return
        if history.ndim != 2 or history.shape[1] != KEPT or len(state.keys) != len(state.since) or any(len(key) != 4 for key in state.keys):
            _log.warning("what the forecasts learned in %s has another shape, they begin anew", path)
            return
        # a stop between the two files may leave a row too many or too few; a row too few is unknown
        self._state, self._history = state, np.full((max(len(state.keys), 16), KEPT), np.nan, dtype=np.float32)
        number = min(len(history), len(state.keys))
        self._history[:number] = history[:number]
        self._rows = {(key[0], key[1], key[2], key[3]): row for row, key in enumerate(state.keys)}


def _still(forecasts: list[Forecast], zone: LiveZone) -> list[Forecast]:
    """Of what went over since the minute began there is no forecast any more."""
    over = {
        (window.hazard, window.metric, window.placement)
        for window in zone.windows
        if window.limit and window.limit.value is not None and (window.value or 0.0) > window.limit.value
    }
    return [one for one in forecasts if one.metric == "lex_8h" or (one.hazard, one.metric, one.placement) not in over]


def _line_key(zone: LiveZone, window: LiveWindow) -> str:
    return f"{zone.zone}|{window.placement}|{window.hazard}|{window.metric}"


def _seen(curve: _Curve) -> int:
    return sum(one is not None for one in curve.sums)


def _limit(window: LiveWindow, zone: LiveZone) -> LimitOf | None:
    """None where there is nothing to forecast: no limit with a number, no value, or a sensor that is silent."""
    if window.limit is None or window.limit.value is None or window.value is None or set(window.channels) & set(zone.silent):
        return None
    return window.limit


def _scale(window: LiveWindow, limit: float) -> float:
    if window.hazard == "heat":
        return HEAT_SCALE_K
    return PEAK_SCALE_DB if window.hazard == "noise" else OTHER_SCALE * abs(limit)


def _adds_up(window: LiveWindow) -> bool:
    return window.metric in ("twa", "lex_8h") or window.metric.startswith("dose")


def _energy(window: LiveWindow, value: float) -> float:
    return float(10.0 ** (value / 10.0)) if window.metric == "lex_8h" else value


def _summed(value: float, window: LiveWindow, limit: LimitOf, done: int, share: float) -> float:
    """What has been, in terms of the limit of the whole shift: a dose as it is; a projected level and a mean by the share that is done."""
    if window.metric == "lex_8h":
        return _energy(window, value) * share
    if window.metric == "twa":
        mean = value / min(1.0, done / SETTLED_MIN)
        return mean * share if limit.averaging == "shift_up_to_10h" else mean
    return value


def _reached_us(summed: float, line: float, share: float, left_min: float, planned: int, fan: Array, now_us: int) -> int | None:
    """When the middle of the fan reaches the limit; None where it does not in this shift."""
    gain = float(fan[1]) - summed
    if not gain > 0.0 or float(fan[1]) < line:
        return None
    return now_us + round(left_min * max(0.0, line - summed) / gain) * MINUTE_US


def _forecast(
    window: LiveWindow, limit: LimitOf, probability: dict[str, float], fan: Array, fan_at_us: int, expected_at_us: int | None, *, method: str, known: int, since_us: int
) -> Forecast:
    return Forecast(
        hazard=window.hazard,
        metric=window.metric,
        placement=window.placement,
        value=window.value if window.value is not None else float("nan"),
        unit=window.unit,
        limit=limit,
        probability={name: round(chance, 4) for name, chance in probability.items()},
        fan={name: round(float(value), 6) for name, value in zip(PERCENTILES, fan, strict=True)},
        fan_at_us=fan_at_us,
        expected_at_us=expected_at_us,
        likely=max(probability.values()) >= LIKELY,
        method=method,
        known=known,
        since_us=since_us,
    )
