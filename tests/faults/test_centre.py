"""The centre fails for good: restored from a backup, or replaced; two devices with one identity; and packs in any order."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assess.engine import Assessor
from domain.reading import Reading
from domain.senml import encode_pack
from domain.times import HOUR_US, SECOND_US, minute_of
from ingest import holes
from ingest.service import IngestService
from oshwatch.testing import FakeClock, MemorySource, RecordingRules, until

pytestmark = pytest.mark.server("mosquitto")
DATES = ("2025-11-22", "2025-11-23")


@pytest.mark.parametrize("how", ["restored", "replaced"])
def test_centre_restored_from_a_backup_or_replaced_while_agents_run(
    make_plant: Callable[..., Any], make_device: Callable[..., Any], tmp_path: Path, dice: random.Random, how: str
) -> None:
    """What the agent still keeps comes back; what it has let go is in the backup, or a gap with cause `centre`; nobody waits for ever."""
    first, device = make_plant(), make_device()
    first.start_ingest()
    first.wait_until_listening()
    device.connect()
    start_us = (minute_of(device.outbox._clock.now_us()) // HOUR_US - 1) * HOUR_US
    lost, kept = dice.randrange(20, 80), 100

    def run(first_number: int, last_number: int) -> None:
        for number in range(first_number, last_number):
            device.tick(dice, start_us + number * SECOND_US)
        device.wait_until_settled()

    run(0, lost)
    device.outbox._keep_us = -1  # as if these had been acknowledged 72 h ago
    device.outbox.trim()
    device.outbox._keep_us = HOUR_US
    gone = dict(device.produced)
    backup = tmp_path / "monday.oshbackup"
    if how == "restored":
        first.command("backup", "create", "--out", str(backup))
        first.end_ingest(signal.SIGTERM)
        first.start_ingest()
        first.wait_until_listening()
    run(lost, lost + kept)
    first.end_ingest(signal.SIGKILL)
    if how == "restored":
        first.command("backup", "restore", str(backup), "--data", str(tmp_path / "centre-1"))
    second = make_plant()
    second.start_ingest()
    run(lost + kept, lost + kept + 10)
    expected = device.produced if how == "restored" else {key: value for key, value in device.produced.items() if key not in gone}
    until(lambda: second.stored(device.produced) == expected, 60, "all that is kept has come back", every_s=0.5)
    device.wait_until_settled()
    if how == "restored":
        assert gaps(second) == []
        return
    until(lambda: {gap.cause for gap in gaps(second) if gap.from_seq is not None} == {"centre"}, 30, "the rest is a gap of the centre")
    assert {seq for gap in gaps(second) if gap.from_seq is not None and gap.to_seq is not None for seq in range(gap.from_seq, gap.to_seq + 1)} == set(range(lost))


def gaps(plant: Any) -> list[Any]:
    from storage.records.gaps import GapsRepository

    return GapsRepository(plant.engine).of_agent("agent-1", -(2**62), 2**62)


def test_boot_id_repeated_sd_card_cloned(make_plant: Callable[..., Any], make_device: Callable[..., Any], dice: random.Random) -> None:
    """Two devices, one boot id: the second one's packs are a conflict, kept and raised, and none of them is taken as committed before it came."""
    plant = make_plant()
    plant.start_ingest()
    plant.wait_until_listening()
    original, clone = make_device(new_boot_id=lambda: "the-same"), make_device(new_boot_id=lambda: "the-same")
    original.connect()
    for _ in range(30):
        original.tick(dice)
    original.wait_until_settled()
    original.worker.stop()
    original.worker.join(10)
    for _ in range(10):
        clone.tick(dice)
    clone.connect()
    until(lambda: clone.uplink.connected, 10, "connected")
    for _ in range(40):
        clone.tick(dice)
    clone.wait_until_settled()
    conflicts = [item for item in plant.all("quarantine") if item["reason"] == "identity conflict"]
    assert conflicts
    assert all(item["whole"] for item in conflicts)
    stored = plant.stored(original.produced | clone.produced)
    assert original.produced.items() <= stored.items()
    missing = [key for key in clone.produced if key not in stored]
    assert len(missing) == 3 * len(conflicts)  # each pack of three is stored, or kept as a conflict
    until(lambda: any(alert["hazard"] == "agent" for alert in plant.all("alerts")), 10, "raised")


def shift_of_noise(dice: random.Random, start_us: int) -> list[list[Reading]]:
    """Three hours of sound levels, a pack a minute of six."""
    return [
        [Reading("agent-1.hall.sound_level_a_eq", start_us + (minute * 6 + tick) * 10 * SECOND_US, round(dice.uniform(78, 92), 1)) for tick in range(6)]
        for minute in range(180)
    ]  # fmt: skip


class Centre:
    """Ingest and assess in this process, on a clock that is set."""

    def __init__(self, plant: Any, clock: FakeClock) -> None:
        self.plant, self.clock, self.source = plant, clock, MemorySource(clock)
        self.service = IngestService(source=self.source, timeseries=plant.store, engine=plant.engine, clock=clock, rules=RecordingRules())
        self.assessor = Assessor(plant.store, plant.engine, clock)
        self.service.start()

    def take(self, bodies: list[bytes]) -> None:
        tokens = self.source.send("osh/v1/agent-1/data", *bodies)
        until(lambda: set(tokens) <= set(self.source.acked), 20, "acknowledged")

    def revisions(self) -> dict[tuple[str, ...], list[int]]:
        return _keys(self.plant.all("sites/f1/exposures", date=DATES[0], hazard="noise", revisions="all"))

    def verdicts(self) -> list[dict[str, Any]]:
        self.assessor.tick(self.clock.now_us())
        found = [verdict for date in DATES for verdict in self.plant.all("sites/f1/exposures", date=date)]
        return sorted(found, key=lambda verdict: (verdict["zone"], verdict["metric"], verdict["shift"]["start"], verdict["limit"]["id"]))


def _keys(verdicts: list[dict[str, Any]]) -> dict[tuple[str, ...], list[int]]:
    found: dict[tuple[str, ...], list[int]] = {}
    for verdict in verdicts:
        found.setdefault((verdict["metric"], verdict["shift"]["start"], verdict["limit"]["id"]), []).append(verdict["revision"])
    return found


def test_packs_duplicated_reordered_late_by_8_h_and_with_holes(make_plant: Callable[..., Any], dice: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "ASK_AFTER_S", 0.2)
    monkeypatch.setattr(holes, "RECORD_AFTER_S", 0.4)
    start_us = 1_763_800_200_000_000 // HOUR_US * HOUR_US
    packs = shift_of_noise(dice, start_us)
    bodies = [encode_pack("agent-1", "b1", seq, True, readings) for seq, readings in enumerate(packs)]
    after_us = start_us + 10 * HOUR_US  # the shift is over, its results stand
    plain = Centre(make_plant(interval_s=10.0, clock=(clock := FakeClock(after_us))), clock)
    torn = Centre(make_plant(interval_s=10.0, clock=(later := FakeClock(after_us))), later)
    try:
        plain.take(bodies)
        hole = set(dice.sample(range(5, 150), 12))
        now = [body for seq, body in enumerate(bodies) if seq not in hole]
        mixed = [*now, *dice.sample(now, 40)]
        dice.shuffle(mixed)
        for first in range(0, len(mixed), 50):
            torn.take(mixed[first : first + 50])
        lacking = {seq for gap in _gaps(torn, len(hole)) for seq in range(gap.from_seq, gap.to_seq + 1)}
        assert lacking == hole
        asked = [msgspec.json.decode(payload)["args"] for topic, payload in torn.source.published if topic == "osh/v1/agent-1/cmd"]
        assert {seq for part in asked for seq in range(part["from"], part["to"] + 1)} >= hole
        before = torn.verdicts()
        for centre in (plain, torn):
            centre.clock.sleep(8 * 3600)
        torn.take([bodies[seq] for seq in dice.sample(sorted(hole), len(hole))])
        until(lambda: gaps(torn.plant) == [], 10, "the gaps are filled")
        for centre in (plain, torn):
            until(lambda centre=centre: len(_minutes(centre, start_us)) == 180, 20, "every minute")  # type: ignore[misc]
        assert _minutes(torn, start_us) == _minutes(plain, start_us)
        first, second = plain.verdicts(), torn.verdicts()
        assert first
        assert [_without(verdict) for verdict in second] == [_without(verdict) for verdict in first]
        revisions = torn.revisions()
        assert revisions
        assert all(max(told) > max(plain.revisions()[key]) for key, told in revisions.items()), revisions
        assert before != second
    finally:
        plain.service.stop()
        torn.service.stop()


def _gaps(centre: Centre, at_least: int) -> list[Any]:
    until(lambda: sum(gap.to_seq - gap.from_seq + 1 for gap in gaps(centre.plant)) >= at_least, 15, "the holes are recorded")
    return gaps(centre.plant)


def _minutes(centre: Centre, start_us: int) -> list[Any]:
    found: list[Any] = centre.plant.store.read_minutes(["agent-1.hall.sound_level_a_eq"], start_us, start_us + 3 * HOUR_US).get("agent-1.hall.sound_level_a_eq", [])
    return found


def _without(verdict: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in verdict.items() if name not in ("revision", "computed_at", "id")}
