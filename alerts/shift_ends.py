"""Whose people were told before they went home: outside shifts what was over when its shift ended comes anew only after it was under for as long as a return takes."""

from __future__ import annotations

from dataclasses import dataclass, field

from alerts.duration import Delays, Reach, Run
from storage.records.journal import Key


@dataclass(slots=True)
class Told:
    """Kept in memory: after a restart outside shifts what is still over is raised once more."""

    _runs: dict[Key, Run] = field(default_factory=dict)

    def __contains__(self, key: Key) -> bool:
        return key in self._runs

    def add(self, key: Key, off_us: int, at_us: int) -> None:
        self._runs[key] = Run(Delays(off_us=off_us), raised_us=at_us)

    def look(self, key: Key, at_us: int, step_us: int, *, is_under: bool) -> None:
        """What would have returned by now may come anew."""
        run = self._runs[key]
        run.step(at_us, Reach.UNDER if is_under else Reach.BAND, step_us)
        if run.raised_us is None:
            del self._runs[key]

    def begin_shift(self, zone: str) -> None:
        """The next shift has other people, who are told at once."""
        self._runs = {key: run for key, run in self._runs.items() if key.zone != zone}
