"""States of the floor's model on disk: one an hour, three hours old, so that what comes late is still in the replay; a few are kept to replay a suspicion from."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec

from domain.errors import BadInput
from domain.times import DAY_US
from models.anomaly import ChannelInfo, FloorModel
from models.anomaly.floor import VERSION
from models.anomaly.life import CHAMPION, recall
from models.anomaly.state import load, manifest_of, save

log = logging.getLogger(__name__)

KEPT_LATEST = 6
KEPT_US = 14 * DAY_US
"""The first of each day is kept for so long; an older one is no start for a model either."""


class FloorStates:
    """`folder` holds one folder a state, named by its time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.refused = 0

    def keep(self, model: FloorModel, done_us: int) -> None:
        """Whole or not at all; then the ones that nobody needs are removed."""
        about: dict[str, object] = {"version": VERSION, "done_us": done_us, "channels": _told(model.channels)}
        save(self._folder / f"floor-{done_us:020d}", model, about)
        kept = self._all()
        first_of_days = {_time_us(path) // DAY_US: path for path in reversed(kept)}.values()
        for path in kept[:-KEPT_LATEST]:
            if path not in first_of_days or _time_us(path) < done_us - KEPT_US:
                for file in path.iterdir():
                    file.unlink()
                path.rmdir()

    def latest(self, channels: Sequence[ChannelInfo], since_us: int, until_us: int) -> tuple[FloorModel, int] | None:
        """The newest of these channels in [since, until] that is what its manifest says."""
        for path in reversed(self._all()):
            if since_us <= _time_us(path) <= until_us:
                try:
                    if manifest_of(path).get("channels") != _told(channels) or manifest_of(path).get("version") != VERSION:
                        continue
                    model = FloorModel(channels)
                    load(path, model)
                except BadInput as error:
                    self.refused += 1
                    log.warning("a state of the floor's model is not used: %s", error)
                    continue
                return model, _time_us(path)
        return None

    def young(self, channels: Sequence[ChannelInfo]) -> FloorModel:
        """A model without a past; its minutes start from the promoted champion where that is one of the same channels and of minutes."""
        model, champion = FloorModel(channels), self._folder / CHAMPION
        if champion.exists():
            try:
                watch, manifest = recall(champion)
                if manifest["channels"] == [channel.id for channel in channels] and (watch.bank.period_us == model.minutes.bank.period_us).all():
                    load(champion, model.minutes)
            except BadInput as error:
                self.refused += 1
                log.warning("the champion is not used: %s", error)
                model = FloorModel(channels)
        return model

    def _all(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("floor-*") if path.is_dir() and path.name.removeprefix("floor-").isdigit())


def _time_us(path: Path) -> int:
    return int(path.name.removeprefix("floor-"))


def _told(channels: Sequence[ChannelInfo]) -> list[object]:
    told: list[object] = msgspec.to_builtins(list(channels))
    return told
