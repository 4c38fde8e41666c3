"""Daily exposure level from tasks, with its uncertainty: ISO 9612:2009 clause 9 (strategy 1) and Annex C, dB(A) and minutes.

At least three samples a task, each of five minutes or as long as the task; where they spread over 3 dB or more, three further samples or a finer split. Instrument: 0.7 dB for a class 1
sound level meter, 1.5 dB for class 2 and for personal meters; 1.0 dB for the microphone's place. For measurements at the person: a sensor on a wall is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.noise.levels import REFERENCE_MIN, energy, energy_mean, level

INSTRUMENT_DB = {"class1": 0.7, "class2": 1.5, "personal": 1.5}
PLACE_DB = 1.0
COVERAGE = 1.65
"""One-sided, 95 %."""
FEWEST_SAMPLES = 3
WIDEST_SPREAD_DB = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Its samples, how long it lasts, and between which times it varies."""

    samples_dba: Sequence[float]
    minutes: float
    shortest_min: float
    longest_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLevel:
    """The task's level, what it gives to the day's, and what its samples lack (none: "")."""

    laeq_dba: float
    lex_8h_dba: float
    lacks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLevel:
    """Daily level with its combined standard and its expanded uncertainty, dB: the truth lies under `lex_8h_dba + expanded_db` with 95 % confidence."""

    lex_8h_dba: float
    standard_db: float
    expanded_db: float
    tasks: tuple[TaskLevel, ...]


def day_from_tasks(tasks: Sequence[Task], instrument: str = "class1") -> DayLevel:
    """Raises ValueError without a task, for a task without a sample, and for times out of order.

    >>> grinding = Task(samples_dba=(86.5, 92.4, 89.3, 93.2, 87.8, 86.2), minutes=90, shortest_min=60, longest_min=120)
    >>> welding = Task(samples_dba=(80.1, 82.2, 79.6), minutes=300, shortest_min=240, longest_min=360)
    >>> planning = Task(samples_dba=(70.0,), minutes=90, shortest_min=60, longest_min=120)
    >>> day = day_from_tasks([planning, welding, grinding])
    >>> round(day.lex_8h_dba, 1), round(day.expanded_db, 1), day.tasks[0].lacks
    (84.3, 2.8, '1 samples of at least 3')
    """
    if not tasks:
        raise ValueError("a day needs at least one task")
    for task in tasks:
        _check(task)
    levels = [float(energy_mean(task.samples_dba)) for task in tasks]
    shares = [task.minutes / REFERENCE_MIN * float(energy(one)) for task, one in zip(tasks, levels, strict=True)]
    total = sum(shares)
    variance = sum(_variance(task, share / total, INSTRUMENT_DB[instrument]) for task, share in zip(tasks, shares, strict=True))
    parts = tuple(TaskLevel(laeq_dba=one, lex_8h_dba=float(level(share)), lacks=_lacks(task)) for task, one, share in zip(tasks, levels, shares, strict=True))
    return DayLevel(lex_8h_dba=float(level(total)), standard_db=variance**0.5, expanded_db=COVERAGE * variance**0.5, tasks=parts)


def _variance(task: Task, weight: float, instrument_db: float) -> float:
    """Equation C.3: sampling, instrument and place by the task's share of the energy; duration by 4.34 times that share over its time."""
    samples = np.asarray(task.samples_dba, dtype=np.float64)
    sampling = float(np.sum((samples - samples.mean()) ** 2)) / (len(samples) * (len(samples) - 1)) if len(samples) > 1 else 0.0
    duration_min = (task.longest_min - task.shortest_min) / 2.0
    return weight**2 * (sampling + instrument_db**2 + PLACE_DB**2) + (4.34 * weight / task.minutes * duration_min) ** 2


def _check(task: Task) -> None:
    if not task.samples_dba:
        raise ValueError("a task needs at least one sample")
    if not 0.0 < task.shortest_min <= task.minutes <= task.longest_min:
        raise ValueError("a task's time lies between its shortest and its longest, all over 0")


def _lacks(task: Task) -> str:
    if len(task.samples_dba) < FEWEST_SAMPLES:
        return f"{len(task.samples_dba)} samples of at least {FEWEST_SAMPLES}"
    spread_db = max(task.samples_dba) - min(task.samples_dba)
    if spread_db >= WIDEST_SPREAD_DB and len(task.samples_dba) < 2 * FEWEST_SAMPLES:
        return f"samples spread over {spread_db:.1f} dB: three more, or split the task"
    return ""
