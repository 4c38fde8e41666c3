"""Laboratory results that stand, by zone: read once, then only what was entered since."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Engine

from assess.outcome import Sample
from assess.pid import LONGEST_HOLD_US
from assess.plan import Span
from domain.lab import LabResult
from storage.records.lab_results import LabResultsRepository, StoredLabResult


class SamplesBook:
    """The results themselves are few and stay in memory; the database decides."""

    def __init__(self, engine: Engine) -> None:
        self._results = LabResultsRepository(engine)
        self._last = 0
        self._chains: dict[str, dict[int, list[Sample]]] = {}  # zone → root → it and what corrected it, the last stands
        self._roots: dict[int, int] = {}
        self._read: dict[int, LabResult] = {}
        self._entered: list[tuple[StoredLabResult, LabResult | None]] = []

    def follow(self) -> None:
        """Read what was entered since the last look."""
        fresh = self._results.entered_after(self._last)
        for stored in fresh:
            root = self._roots.get(stored.result.supersedes or stored.id, stored.result.supersedes or stored.id)
            self._roots[stored.id] = root
            self._chains.setdefault(stored.zone, {}).setdefault(root, []).append(Sample(id=stored.id, root=root, result=stored.result))
            self._read[stored.id] = stored.result
            self._last = stored.id
        self._entered += [(stored, self._read.get(stored.result.supersedes or 0)) for stored in fresh]

    def entered(self) -> list[tuple[StoredLabResult, LabResult | None]]:
        """What was read and not handed over yet, each with the result that it corrects; at first everything."""
        fresh, self._entered = self._entered, []
        return fresh

    def of(self, span: Span, without: Collection[int] = ()) -> Sequence[Sample]:
        """Samples of the zone that were drawn in the span or as long before as a result can be in date; `without`: ids that are left out, so that what they corrected stands."""
        chains = ([sample for sample in chain if sample.id not in without] for chain in self._chains.get(span.zone, {}).values())
        return [sample for sample in (chain[-1] for chain in chains if chain) if sample.result.start_us < span.stop_us and sample.result.stop_us > span.start_us - LONGEST_HOLD_US]
