"""The models over a recorded series, row by row: what the running system would have said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.anomaly.channels import LINKED, SMALLEST, ChannelInfo
from models.anomaly.model import AnomalyModel
from models.anomaly.novelty import novelty
from models.anomaly.suspect import FAULTS, Code
from models.anomaly.watch import Watch
from models.anomaly.zone import zone_score
from models.arrays import Array, Mask

FLOOR_PERIOD_S = 60.0
"""The model of the floor takes samples of up to a minute."""
KNOWN = frozenset(SMALLEST).union(*LINKED)
ONE_SHARE = 0.6
"""A channel that makes up this much of what does not fit stands alone: a fault. Less: an event."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One row for each row of the input."""

    score: Array
    p_fault: Array
    p_event: Array
    fault_type: list[str]
    culprit: list[str]
    alarm: Mask


def score_series(times_us: npt.NDArray[np.int64], values: Array, names: Sequence[str], period_s: float, peers: Array | None = None, peer_names: Sequence[str] = ()) -> Scored:
    """Rows × channels, NaN for missing. Row i rests on rows up to i."""
    channels = [*names, *peer_names]
    matrix = values if peers is None else np.concatenate([values, peers], axis=1)
    code, ratio = _watch(times_us, matrix, channels, period_s)
    code, ratio = code[:, : len(names)], ratio[:, : len(names)]
    code, ratio = _with_floor(times_us, values, names, period_s, code, ratio)
    code = _with_events(code, names)
    return _rows(values, names, code, ratio, has_peers=peers is not None)


def _watch(times_us: npt.NDArray[np.int64], matrix: Array, channels: Sequence[str], period_s: float) -> tuple[npt.NDArray[np.int8], Array]:
    watch = Watch(np.full(len(channels), period_s), alike(channels))
    code, ratio = np.zeros(matrix.shape, dtype=np.int8), np.zeros(matrix.shape)
    for row, time_us in enumerate(times_us):
        watch.tick(int(time_us), matrix[row])
        code[row], ratio[row] = watch.code, watch.worst()
    return code, ratio


def alike(channels: Sequence[str]) -> npt.NDArray[np.intp]:
    """Of each channel the others of its quantity; -1: none."""
    kinds = [quantity_of(name) for name in channels]
    found = [[other for other, kind in enumerate(kinds) if kind == kinds[index] and other != index] for index in range(len(channels))]
    peers = np.full((len(channels), max([1, *map(len, found)])), -1, dtype=np.intp)
    for index, others in enumerate(found):
        turned = [other for other in others if other > index] + [other for other in others if other < index]
        peers[index, : len(turned)] = turned
    return peers


def quantity_of(name: str) -> str:
    """`a.p.co2`, `p/co2`, `co2_3` → co2: the last part, without a number behind it."""
    last = re.split(r"[./:]", name.strip().lower())[-1]
    if last in KNOWN:
        return last
    inside = [quantity for quantity in KNOWN if quantity in name.lower()]
    return max(inside, key=len) if inside else re.sub(r"[\s_\-]*\d+$", "", last) or last


def zone_of(name: str) -> str:
    """What stands before the quantity."""
    return re.split(r"[./:]", name)[-2] if re.search(r"[./:]", name) else ""


def _with_floor(
    times_us: npt.NDArray[np.int64], values: Array, names: Sequence[str], period_s: float, code: npt.NDArray[np.int8], ratio: Array
) -> tuple[npt.NDArray[np.int8], Array]:
    """Where the quantities are known and more than one, the floor's model tells events from faults."""
    kinds = [quantity_of(name) for name in names]
    if period_s > FLOOR_PERIOD_S or len(names) < 2 or not all(kind in KNOWN for kind in kinds):
        return code, ratio
    infos = [ChannelInfo(id=name, quantity=kind, zone=f"s.{zone_of(name)}", agent=zone_of(name), interval_s=period_s) for name, kind in zip(names, kinds, strict=True)]
    found = AnomalyModel(infos).run(times_us, values)
    called = found.code != Code.NONE
    return np.where(called, found.code, code), np.where(called, np.maximum(found.score, 1.0), ratio)


def _with_events(code: npt.NDArray[np.int8], names: Sequence[str]) -> npt.NDArray[np.int8]:
    """What moves together with something that physics links to it, and that is no copy of it, is an event."""
    kinds, zones = [quantity_of(name) for name in names], [zone_of(name) for name in names]
    moved = np.isin(code, (Code.BIAS, Code.DRIFT, Code.EVENT, Code.SPIKE))
    result = code.copy()
    for index in range(len(names)):
        others = [other for other in range(len(names)) if other != index and zones[other] == zones[index] and kinds[other] != kinds[index]]
        together = np.isin(code[:, index], (Code.BIAS, Code.DRIFT)) & moved[:, others].any(axis=1)
        result[together, index] = Code.EVENT
    return result


def _rows(values: Array, names: Sequence[str], code: npt.NDArray[np.int8], ratio: Array, *, has_peers: bool) -> Scored:
    rows = np.arange(len(code))
    alarmed = code != Code.NONE
    strength = np.where(alarmed, 10.0 + np.minimum(ratio, 1e6), ratio)
    worst = strength.argmax(axis=1)
    kind, size = code[rows, worst], ratio[rows, worst]
    any_of = np.where(kind != Code.NONE, np.maximum(size, 1.0) ** 2 / (1 + np.maximum(size, 1.0) ** 2), np.minimum(size, 1.0) ** 2 / 2)
    share = np.select([kind == Code.EVENT, np.isin(kind, (Code.BIAS, Code.DRIFT)) & ~np.bool_(has_peers or len(names) > 1), kind != Code.NONE], [0.1, 0.5, 0.9], 0.5)
    score, alarm = size.copy(), alarmed.any(axis=1)
    fault_type = [FAULTS.get(Code(int(one)), "") for one in kind]
    culprit = [names[int(one)] if on else "" for one, on in zip(worst, alarm, strict=True)]
    if len(names) == 1 and not has_peers:
        score = novelty(values[:, 0])
    elif len(names) >= 3 and len({quantity_of(name) for name in names}) == len(names):
        _zone(values, names, score, alarm, any_of, share, fault_type, culprit)
    return Scored(score, any_of * share, any_of * (1 - share), fault_type, culprit, alarm)


def _zone(values: Array, names: Sequence[str], score: Array, alarm: Mask, any_of: Array, share: Array, fault_type: list[str], culprit: list[str]) -> None:
    """Different quantities of one place: their common pattern is the score, and an alarm of its own."""
    found = zone_score(values)
    score[:] = found.raw
    known = found.raw > 0
    off = found.score > 1.0
    any_of[known] = (found.score**2 / (1 + found.score**2))[known]
    for row in np.flatnonzero(off & ~alarm):
        alone = found.share[row] > ONE_SHARE
        share[row] = 0.7 if alone else 0.2
        fault_type[row], culprit[row] = ("unknown" if alone else ""), names[int(found.culprit[row])]
    alarm[known] = off[known]
