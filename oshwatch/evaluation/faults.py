"""Tests C, C2 and D: faults of temperature sensors, labelled ones and injected ones, and false alarms where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.anomaly.suspect import Code
from models.anomaly.watch import Watch
from models.arrays import Array
from oshwatch.evaluation.report import Row, interval, mean_of
from oshwatch.evaluation.series import PERIODS_S, clean, faulty
from oshwatch.evaluation.split import Half, first_seed, of_half

WARM_UP_DAYS = 3
CLASSES = {0: 0, 1: 1, 2: 2, 4: 3, 8: 4, 16: 4}
"""Labels of the series → ok, spike, noise, bias, drift."""
NAMES = {Code.SPIKE: 1, Code.NOISE: 2, Code.BIAS: 3, Code.DRIFT: 4}
KINDS: dict[str, tuple[float, float, float | None, str]] = {
    "stuck 6 h": (6, 0, 0.98, ">= 0.98"),
    "spike 3": (0, 3, 0.95, ">= 0.95"),
    "noise x 6": (2, 6, 0.85, ">= 0.85"),
    "bias 2": (12, 2, 0.60, ">= 0.60"),
    "bias 4": (12, 4, 0.92, ">= 0.92"),
    "drift 4 in 24 h": (24, 4, 0.70, ">= 0.70"),
    "drift 2 in 72 h": (72, 2, 0.60, ">= 0.60"),
    "dropout": (0.5, 0, 1.0, "1.00"),
}
"""Kind → hours, size in degC, least recall."""
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault in one sensor."""

    site: str
    sensor: int
    kind: str
    found: bool
    delay_min: float


def peers_among(sensors: int) -> npt.NDArray[np.intp]:
    """All others, the next ones first."""
    return np.array([[(index + step) % sensors for step in range(1, sensors)] for index in range(sensors)], dtype=np.intp)


def codes_of(values: Array, period_s: float, peers: npt.NDArray[np.intp]) -> Codes:
    watch = Watch(np.full(values.shape[1], period_s), peers)
    found = np.zeros(values.shape, dtype=np.int8)
    for row in range(len(values)):
        watch.tick(round(row * period_s * 1e6), values[row])
        found[row] = watch.code
    return found


def injection(root: Path, seeds: int, half: Half, say: Callable[[str], None]) -> list[Row]:
    """One fault a run at a random time after three days; an alarm counts only where the clean run has none."""
    found: list[Injected] = []
    alarms: dict[str, list[float]] = {}
    for site, period_s in PERIODS_S.items():
        say(f"D: {site}, {half}")
        values = clean(root, site)
        codes, meta = _injected_runs(values, period_s, seeds, half)
        sensors = values.shape[1]
        alarms[site] = [_episodes(codes[:, index], period_s) for index in of_half(range(sensors), half)]
        found += [_judge(site, codes, sensors + place, *run, period_s) for place, run in enumerate(meta)]
    return [*_recalls(found), *(_false_alarms("D", f"false alarms a sensor-week, {site}", rates) for site, rates in alarms.items())]


def _injected_runs(values: Array, period_s: float, seeds: int, half: Half) -> tuple[Codes, list[tuple[int, str, int, int]]]:
    length, sensors = values.shape
    others = peers_among(sensors)
    columns, peers = [values[:, index] for index in range(sensors)], [others[index] for index in range(sensors)]
    meta: list[tuple[int, str, int, int]] = []
    for seed in range(seeds):
        dice = np.random.default_rng(first_seed(half) + seed)
        for kind, (hours, _, _, _) in KINDS.items():
            rows = max(1, int(hours * 3_600 / period_s)) if kind != "dropout" else 6
            for index in of_half(range(sensors), half):
                first = int(WARM_UP_DAYS * 86_400 / period_s)
                at = int(dice.integers(first, max(length - rows, first + 1)))
                columns.append(inject(values[:, index], kind, at, rows, dice))
                peers.append(others[index])
                meta.append((index, kind, at, max(rows, 3)))
    return codes_of(np.stack(columns, axis=1), period_s, np.stack(peers)), meta


def inject(values: Array, kind: str, at: int, rows: int, dice: np.random.Generator) -> Array:
    """A copy with one fault."""
    result = values.copy()
    part = result[at : at + rows]
    size, sign = KINDS[kind][1], float(dice.choice([-1, 1]))
    if kind.startswith("stuck"):
        part[:] = part[0]
    elif kind.startswith("noise"):
        part += dice.normal(0, size * (1.48 * np.nanmedian(np.abs(np.diff(values))) + 0.01), len(part))
    elif kind.startswith("drift"):
        part += sign * size * np.arange(len(part)) / rows
    elif kind == "dropout":
        part[:] = np.nan
    else:
        part += sign * size
    return result


def _judge(site: str, codes: Codes, column: int, sensor: int, kind: str, at: int, rows: int, period_s: float) -> Injected:
    alarm = (codes[at : at + rows, column] != Code.NONE) & (codes[at : at + rows, sensor] == Code.NONE)
    return Injected(site, sensor, kind, bool(alarm.any()), float(alarm.argmax()) * period_s / 60 if alarm.any() else float("nan"))


def _recalls(found: list[Injected]) -> list[Row]:
    rows = []
    for kind, (_, _, least, target) in KINDS.items():
        of_kind = [one for one in found if one.kind == kind]
        sensors = sorted({(one.site, one.sensor) for one in of_kind})
        parts = [(site, [one.found for one in of_kind if (one.site, one.sensor) == (site, sensor)]) for site, sensor in sensors]
        value = _over_sites(parts)
        low, high = interval(parts, _over_sites)
        each = ", ".join(f"{site} {np.mean([one.found for one in of_kind if one.site == site]):.2f}" for site in PERIODS_S)
        delay = np.nanmedian([one.delay_min for one in of_kind]) if any(one.found for one in of_kind) else float("nan")
        is_met = None if least is None else value >= least
        rows.append(
            Row(test="D", what=f"{kind}: found, mean of sites", target=target, reached=value, low=low, high=high, is_met=is_met, note=f"{each}; median delay {delay:.0f} min")
        )
    return rows


def _over_sites(parts: object) -> float:
    by_site: dict[str, list[bool]] = {}
    for site, found in parts:  # type: ignore[attr-defined]
        by_site.setdefault(site, []).extend(found)
    return float(np.mean([np.mean(found) for found in by_site.values()]))


def _episodes(codes: npt.NDArray[np.int8], period_s: float) -> float:
    """Alarms a week after the warm-up; what lies within an hour is one."""
    first = int(WARM_UP_DAYS * 86_400 / period_s)
    at = np.flatnonzero(codes[first:] != Code.NONE)
    number = int((np.diff(at) > 3_600 / period_s).sum()) + (len(at) > 0)
    return float(number / ((len(codes) - first) * period_s / (7 * 86_400)))


def _false_alarms(test: str, what: str, rates: list[float]) -> Row:
    return mean_of(test, what, "<= 0.5", np.array(rates), most=0.5, note=f"{len(rates)} sensors")


def typing(root: Path, half: Half, say: Callable[[str], None]) -> list[Row]:
    """Labelled mixed faults, row by row. The model was fitted on no site; its constants were chosen on the tuning half of these two."""
    rows: list[Row] = []
    for site, period_s, least in (("intel", 30.0, None), ("santander", 300.0, 0.90)):
        say(f"C: {site}, {half}")
        _, values, labels = faulty(root, site, "injected_mixed")
        _, quiet, _ = faulty(root, site, "clean")
        sensors = values.shape[1]
        others = peers_among(sensors)
        codes = codes_of(np.concatenate([quiet, values], axis=1), period_s, np.concatenate([others, others]))
        said = np.vectorize(lambda code: NAMES.get(Code(code), 0), otypes=[np.int8])(codes[:, sensors:])
        true = np.vectorize(lambda label: CLASSES.get(int(label), 0), otypes=[np.int8])(labels)
        pairs = [(said[:, index], true[:, index]) for index in of_half(range(sensors), half)]
        each, value = _f1(pairs), _macro(pairs)
        low, high = interval(pairs, lambda drawn: _macro(list(drawn)))  # type: ignore[arg-type]
        note = "spike {:.2f}, noise {:.2f}, bias {:.2f}, drift {:.2f}; peers clean".format(*each[1:])
        rows.append(
            Row(
                test="C",
                what=f"fault types, macro-F1, {site}",
                target=">= 0.90" if least else "",
                reached=value,
                low=low,
                high=high,
                is_met=None if least is None else value >= least,
                note=note,
            )
        )
        rows.append(Row(test="C", what=f"the same, nothing called anything, {site}", target="", reached=_macro([(np.zeros_like(right), right) for _, right in pairs])))
        rows.append(_false_alarms("C2", f"false alarms a sensor-week, clean, {site}", [_episodes(codes[:, index], period_s) for index in of_half(range(sensors), half)]))
    return rows


def _f1(pairs: list[tuple[Codes, Codes]]) -> list[float]:
    said, true = np.concatenate([one for one, _ in pairs]), np.concatenate([one for _, one in pairs])
    found = []
    for kind in range(5):
        right = float(((said == kind) & (true == kind)).sum())
        found.append(2 * right / max(float((said == kind).sum() + (true == kind).sum()), 1.0))
    return found


def _macro(pairs: list[tuple[Codes, Codes]]) -> float:
    return float(np.mean(_f1(pairs)))
