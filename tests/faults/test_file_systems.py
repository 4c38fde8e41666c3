"""A file system that is full, or that the kernel has made read-only under open files as it does when a disk fails: for the agent's outbox, and for the centre's stores."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.api import probes
from domain.clock import SystemClock
from domain.times import SECOND_US
from edge_agent import outbox_disk
from edge_agent.outbox import Outbox
from oshwatch.testing import until

pytestmark = pytest.mark.server("mosquitto")
PACKS = 40


@dataclass
class Disk:
    """Mounted at `at`: a tmpfs that can be filled, or an ext4 whose journal can be aborted, which is what an I/O error does to it."""

    at: Path
    image: Path | None = None
    megabytes: int = 24

    def make(self) -> None:
        self.at.mkdir(parents=True, exist_ok=True)
        if self.image is not None:
            self.image.touch()
            os.truncate(self.image, self.megabytes * 2**20)
            run("mkfs.ext4", "-q", str(self.image))
        self.mount()

    def mount(self) -> None:
        what = ["-t", "tmpfs", "-o", f"size={self.megabytes}m", "tmpfs"] if self.image is None else ["-o", "loop", str(self.image)]
        run("mount", *what, str(self.at))

    def break_it(self) -> None:
        if self.image is not None:
            run("mount", "-o", "remount,abort", str(self.at))
            return
        with (self.at / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                return

    def mend(self) -> None:
        """Room again; or, once nobody has a file open, what an administrator does after a disk error."""
        if self.image is None:
            (self.at / "filler").unlink()
            return
        run("umount", str(self.at))
        subprocess.run(["e2fsck", "-p", "-f", str(self.image)], check=False, capture_output=True)
        self.mount()

    def end(self) -> None:
        subprocess.run(["umount", "-l", str(self.at)], check=False, capture_output=True)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[Callable[[Path, str], Disk]]:
    made: list[Disk] = []

    def make(at: Path, way: str) -> Disk:
        disk = Disk(at, tmp_path / f"disk-{len(made)}.img" if way == "read-only" else None)
        if shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            pytest.skip("e2fsprogs is missing")
        try:
            disk.make()
        except OSError as error:
            pytest.skip(f"may not mount here: {error}")
        made.append(disk)
        return disk

    yield make
    for disk in made:
        disk.end()


ways = pytest.mark.parametrize("way", ["full", "read-only"])


def ticks(device: Any, dice: random.Random, packs: int = PACKS) -> None:
    for _ in range(packs):
        device.tick(dice)


@ways
def test_an_outbox_whose_file_system_takes_nothing_more(
    make_plant: Callable[..., Any], make_device: Callable[..., Any], make_disk: Callable[[Path, str], Disk], tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Service goes on from memory and says so; what is sent meanwhile is stored; when the file system is well again nothing lacks and no number is used twice."""
    monkeypatch.setattr(outbox_disk, "REOPEN_AFTER_S", 0.2)
    dice, disk = random.Random(4), make_disk(tmp_path / "edge", way)
    plant, device = make_plant(), make_device(directory=disk.at)
    ticks(device, dice)
    disk.break_it()
    ticks(device, dice, 20 * PACKS)
    assert any("does not take data" in problem for problem in device.outbox.problems()), device.outbox.problems()
    plant.start_ingest()
    plant.wait_until_listening()
    device.connect()
    ticks(device, dice)
    device.wait_until_settled()
    assert plant.stored(device.produced) == device.produced
    if way == "read-only":  # only a closed file system can be mended
        device.close()
        disk.mend()
        again = make_device(outbox=Outbox(disk.at / "outbox.db", SystemClock()))
        again.connect()
    else:
        disk.mend()
        again = device
    ticks(again, dice)
    until(again.outbox.commit, 10, "it is written again")
    assert again.outbox.problems() == []
    again.wait_until_settled()
    produced = {**device.produced, **again.produced}
    until(lambda: plant.stored(produced) == produced, 10, "all is stored")
    assert plant.all("quarantine") == []
    assert all(hole["cause"] for hole in plant.completeness("agent-1.hall.co2", min(time_us for _, time_us in produced), SystemClock().now_us())["holes"])


@ways
def test_stores_whose_file_system_takes_nothing_more(
    make_plant: Callable[..., Any], make_device: Callable[..., Any], make_disk: Callable[[Path, str], Disk], tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is acknowledged that is not on disk; ingest stays up, and the centre says that it is not ready (after 5 s instead of 30); when there is a disk again all is stored, once."""
    monkeypatch.setattr(probes, "HEARTBEAT_MAX_AGE_US", 5 * SECOND_US)
    dice, disk = random.Random(5), make_disk(tmp_path / "centre-0", way)
    plant, device = make_plant(), make_device()
    plant.start_ingest()
    plant.wait_until_listening()
    device.connect()
    ticks(device, dice)
    device.wait_until_settled()
    disk.break_it()
    ticks(device, dice, 8 * PACKS)
    pid = plant.ingest.pid
    until(lambda: plant.ask("GET", "/readyz").status_code == 503, 40, "the centre is not ready, and says so")
    assert plant.ingest.poll() is None
    waiting = device.waiting
    assert waiting >= PACKS
    if way == "read-only":
        plant.close()
        disk.mend()
        plant = type(plant)(plant.directory, plant.mqtt_url)
        plant.start_ingest()
    else:
        disk.mend()
    device.wait_until_settled()
    assert plant.stored(device.produced) == device.produced
    assert way == "read-only" or plant.ingest.pid == pid
    plant.close()
