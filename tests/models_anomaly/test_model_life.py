"""State that survives a restart, files that are what they say, and promotion only of what is not worse."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from domain.errors import BadInput
from models.anomaly.life import CHALLENGER, CHAMPION, Record, keep, promote, recall, rollback, shadow, teach, with_faults
from models.anomaly.series import alike
from models.anomaly.state import ARRAYS, MANIFEST, load, save
from models.anomaly.watch import Watch

NAMES = [f"room-{n}.co2" for n in range(4)]
HOUR_ROWS = 6
"""Rows of ten minutes."""


def record(first_day: float, days: float, seed: int = 1, noise: float = 5.0) -> Record:
    rows = round(days * 24 * HOUR_ROWS)
    times = (round(first_day * 24 * HOUR_ROWS) + np.arange(rows, dtype=np.int64)) * 600_000_000
    course = 600 + 150 * np.sin(times / 86_400e6 * 2 * np.pi)
    return Record(names=NAMES, period_s=600.0, times_us=times, values=np.round(course[:, None] + np.random.default_rng(seed).normal(0, noise, (rows, 4))))


def fresh() -> Watch:
    return Watch(np.full(4, 600.0), alike(NAMES))


def test_a_restart_changes_no_bit(tmp_path: Path) -> None:
    whole, first = fresh(), fresh()
    taught = record(0, 4)
    taught.values[400:430, 1] = 700
    for row, time_us in enumerate(taught.times_us):
        whole.tick(int(time_us), taught.values[row])
        if row < 410:
            first.tick(int(time_us), taught.values[row])
    save(tmp_path / "state", first, {})
    second = fresh()
    load(tmp_path / "state", second)
    for row in range(410, len(taught.times_us)):
        second.tick(int(taught.times_us[row]), taught.values[row])
    assert second.code.tobytes() == whole.code.tobytes()
    assert second.worst().tobytes() == whole.worst().tobytes()


def rehash(folder: Path) -> None:
    import hashlib

    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"] = {ARRAYS: f"sha256:{hashlib.sha256((folder / ARRAYS).read_bytes()).hexdigest()}"}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_pickle_is_refused_even_with_the_right_hash(tmp_path: Path) -> None:
    save(tmp_path / "state", fresh(), {})
    bad = io.BytesIO()
    np.savez(bad, time_us=np.array([{"a": 1}], dtype=object))
    (tmp_path / "state" / ARRAYS).write_bytes(bad.getvalue())
    rehash(tmp_path / "state")
    with pytest.raises(BadInput, match="is no state"):
        load(tmp_path / "state", fresh())


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    save(tmp_path / "state", fresh(), {})
    path = tmp_path / "state" / ARRAYS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInput, match="not what its manifest says"):
        load(tmp_path / "state", fresh())


def test_state_of_other_channels_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "state", fresh(), {})
    with pytest.raises(BadInput, match="other channels"):
        load(tmp_path / "state", Watch(np.full(3, 600.0), alike(NAMES[:3])))


def test_a_challenger_is_promoted_and_taken_back(tmp_path: Path) -> None:
    taught, later = record(0, 5), record(5, 8)
    keep(tmp_path, teach(taught), taught)
    assert promote(tmp_path, later)[1] is None
    keep(tmp_path, teach(record(1, 4)), record(1, 4))
    assert promote(tmp_path, later)[1] is not None
    before = recall(tmp_path / CHAMPION)[1]
    assert rollback(tmp_path) == "withdrawn-0001"
    assert recall(tmp_path / CHAMPION)[1] != before
    with pytest.raises(BadInput, match="no earlier model"):
        rollback(tmp_path)


def test_a_worse_challenger_is_not_promoted(tmp_path: Path) -> None:
    taught, later = record(0, 5, noise=40.0), record(5, 8, noise=40.0)
    keep(tmp_path, teach(taught), taught)
    promote(tmp_path, later)
    narrow = record(0, 5, noise=1.0)  # knows a far quieter house: everything alarms it
    keep(tmp_path, teach(narrow), narrow)
    assert shadow(tmp_path / CHALLENGER, later).alarms > shadow(tmp_path / CHAMPION, later).alarms
    with pytest.raises(BadInput, match="stays a challenger"):
        promote(tmp_path, later)


def test_a_challenger_that_falls_silent_is_not_promoted_for_its_silence(tmp_path: Path) -> None:
    taught, later = record(0, 5), record(5, 8)
    keep(tmp_path, teach(taught), taught)
    promote(tmp_path, later)
    wild = record(0, 5, noise=400.0)  # thinks that anything is usual
    keep(tmp_path, teach(wild), wild)
    with pytest.raises(BadInput, match="faults where the champion finds"):  # it raises no more alarms
        promote(tmp_path, later)


def test_faults_put_in_are_the_same_each_time_and_leave_the_record_as_it_is() -> None:
    clean = record(5, 8)
    before = clean.values.copy()
    first, spans = with_faults(clean)
    again, _ = with_faults(clean)
    assert clean.values.tobytes() == before.tobytes()
    assert first.values.tobytes() == again.values.tobytes()
    assert {channel for channel, _, _ in spans} == set(range(4))
    changed = (first.values != before).any(axis=1)
    assert changed.sum() <= sum(stop - begin for _, begin, stop in spans)


@pytest.mark.parametrize(("days", "told"), [(2.0, "seven days"), (8.0, "taught on this record")])
def test_too_short_a_shadow_or_the_teaching_record_itself_is_refused(tmp_path: Path, days: float, told: str) -> None:
    taught = record(0, 5)
    keep(tmp_path, teach(taught), taught)
    with pytest.raises(BadInput, match=told):
        promote(tmp_path, record(5 if days < 7 else 0, days))
