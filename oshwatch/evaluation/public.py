"""Tests A and B: the Numenta benchmark (servers, taxis, two temperatures) and a pump's testbed. Neither is a factory; they come last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.anomaly.novelty import novelty
from models.anomaly.zone import zone_score
from models.arrays import Array
from oshwatch.evaluation.report import Row, interval
from oshwatch.evaluation.series import nab, skab
from oshwatch.evaluation.split import HALVES, Half, of_half

Windows = list[tuple[int, int]]
FALSE_COST = {"standard": 0.11, "low FP": 0.22}
SKAB_TRAIN = 400


def numenta(root: Path, half: Half, say: Callable[[str], None]) -> list[Row]:
    """Score of the benchmark with one threshold for all series, the best one in hindsight, as its published table has it."""
    say(f"A: NAB, {half}")
    every = nab(root)
    series = {name: every[name] for name in of_half(sorted(every), half)}
    dice = np.random.default_rng(1)
    detectors: dict[str, list[Array]] = {
        "this model": [novelty(values) for values, _ in series.values()],
        "random": [dice.random(len(values)) for values, _ in series.values()],
        "persistence (last difference)": [np.abs(np.diff(values, prepend=values[0])) for values, _ in series.values()],
    }
    windows = [spans for _, spans in series.values()]
    rows = []
    for profile, least in (("standard", 60.0), ("low FP", 48.0)):
        for name, scores in detectors.items():
            value, threshold = _best(scores, windows, FALSE_COST[profile])
            parts = list(zip(scores, windows, strict=True))
            low, high = interval(parts, lambda drawn, at=threshold, cost=FALSE_COST[profile]: _normalised(drawn, at, cost))  # type: ignore[misc]
            is_ours = name == "this model"
            rows.append(
                Row(
                    test="A",
                    what=f"NAB {profile}, {name}",
                    target=f">= {least:g}" if is_ours else "",
                    reached=value,
                    low=low,
                    high=high,
                    is_met=value >= least if is_ours else None,
                )
            )
        rows.append(Row(test="A", what=f"NAB {profile}, null", target="", reached=0.0))
    return [*rows, _honest(every)] if half == "held" else rows


def _honest(series: dict[str, tuple[Array, Windows]]) -> Row:
    """One threshold from the tuning half, scored on the other."""
    tune, held = ([(novelty(series[name][0]), series[name][1]) for name in of_half(sorted(series), half)] for half in HALVES)
    _, threshold = _best([score for score, _ in tune], [windows for _, windows in tune], FALSE_COST["standard"])
    value = _normalised(held, threshold, FALSE_COST["standard"])
    low, high = interval(held, lambda drawn: _normalised(drawn, threshold, FALSE_COST["standard"]))
    return Row(test="A2", what="NAB standard, threshold of the tuning half", target=">= 57", reached=value, low=low, high=high, is_met=value >= 57)


def _best(scores: list[Array], windows: list[Windows], cost: float) -> tuple[float, float]:
    levels = np.unique(np.quantile(np.concatenate(scores), 1 - np.geomspace(1e-4, 0.05, 40)))
    found = [(_normalised(list(zip(scores, windows, strict=True)), float(level), cost), float(level)) for level in levels]
    return max(found)


def _normalised(parts: object, threshold: float, cost: float) -> float:
    """0: nothing said; 100: each window at its first row and nothing else."""
    total = number = 0.0
    for score, windows in parts:  # type: ignore[attr-defined]
        total += _raw(score, windows, threshold, cost)
        number += len(windows)
    return 100 * (total + number) / (2 * number) if number else float("nan")


def _raw(score: Array, windows: Windows, threshold: float, cost: float) -> float:
    """The first alarm in a window counts by how early it is; each one outside costs, less shortly after a window."""
    length = len(score)
    first = int(min(0.15 * length, 750))
    at = np.flatnonzero(score >= threshold)
    at = at[at >= first]
    total = 0.0
    inside = np.zeros(len(at), dtype=bool)
    for start, stop in windows:
        mine = at[(at >= start) & (at <= stop)]
        inside |= (at >= start) & (at <= stop)
        total += _sigmoid(-(stop - mine[0] + 1) / (stop - start + 1)) / _sigmoid(-1.0) if len(mine) else -1.0
    for row in at[~inside]:
        before = [(start, stop) for start, stop in windows if stop < row]
        place = (row - before[-1][1]) / (before[-1][1] - before[-1][0] + 1) if before else 4.0
        total += cost * _sigmoid(min(place, 4.0))
    return total


def _sigmoid(place: float) -> float:
    return float(2 / (1 + np.exp(5 * place)) - 1)


def pump(root: Path, half: Half, say: Callable[[str], None]) -> list[Row]:
    """One setting for all runs; the first 400 rows of a run teach."""
    say(f"B: SKAB, {half}")
    every = skab(root)
    runs = [(zone_score(every[name][0]), every[name][1]) for name in of_half(sorted(every), half)]
    judged = [(found.score[SKAB_TRAIN:] > 1, truth[SKAB_TRAIN:]) for found, truth in runs]
    dice = np.random.default_rng(1)
    rows = [
        *_binary("", judged),
        *_binary(", all-positive", [(np.ones(len(truth), dtype=bool), truth) for _, truth in judged])[:1],
        *_binary(", random", [(dice.random(len(truth)) < 0.5, truth) for _, truth in judged])[:1],
    ]
    auroc = _auroc(np.concatenate([found.raw[SKAB_TRAIN:] for found, _ in runs]), np.concatenate([truth for _, truth in judged]))
    return [*rows, Row(test="B2", what="SKAB AUROC", target=">= 0.89", reached=auroc, is_met=auroc >= 0.89)]


def _binary(name: str, judged: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]) -> list[Row]:
    rows = []
    for index, (what, target) in enumerate((("F1", ">= 0.84"), ("FAR, %", "<= 15"), ("MAR, %", "<= 18"))):
        value = _measures(judged)[index]
        low, high = interval(judged, lambda drawn, at=index: _measures(drawn)[at])  # type: ignore[misc]
        is_met = None if name else value >= 0.84 if index == 0 else value <= (15 if index == 1 else 18)
        rows.append(Row(test="B", what=f"SKAB {what}{name}", target="" if name else target, reached=value, low=low, high=high, is_met=is_met))
    return rows


def _measures(judged: object) -> tuple[float, float, float]:
    said, true = (np.concatenate([part[index] for part in judged]) for index in (0, 1))  # type: ignore[attr-defined]
    both = float((said & true).sum())
    return 2 * both / max(float(said.sum() + true.sum()), 1), 100 * float((said & ~true).mean() / (~true).mean()), 100 * float((~said & true).mean() / true.mean())


def _auroc(score: Array, truth: npt.NDArray[np.bool_]) -> float:
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    positive = int(truth.sum())
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * (len(truth) - positive)))
