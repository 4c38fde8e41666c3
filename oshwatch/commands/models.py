"""`oshwatch models`: the streaming models over a recorded series, and their life."""

from __future__ import annotations

import argparse
import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from models.anomaly.life import Record, Shadow
    from models.anomaly.series import Scored

COLUMNS = ("score", "p_fault", "p_event", "fault_type", "culprit", "alarm")
TIME = "time"
_MICROSECOND = timedelta(microseconds=1)


def score(options: argparse.Namespace) -> None:
    """The same rows, with what the models would have said at each."""
    import numpy as np

    from models.anomaly.series import score_series

    _check_period(options.period)
    header, rows, times, values = _table(options.input)
    columns, names = [], []
    for path in options.peers or []:
        peer_header, _, peer_times, peer_values = _table(path)
        columns.append(_on(times, peer_times, peer_values, options.period))
        names += [_peer_name(path, name, header, len(peer_header)) for name in peer_header[1:]]
    found = score_series(times, values, header[1:], options.period, np.concatenate(columns, axis=1) if columns else None, names)
    _write(options.out, header, rows, found)


def train(options: argparse.Namespace) -> None:
    """A challenger, taught on a record."""
    from models.anomaly.life import keep, teach

    record = _record(options)
    keep(options.models, teach(record), record)
    print(f"taught on {len(record.times_us)} rows of {len(record.names)} channels; it is the challenger in {options.models}")


def evaluate(options: argparse.Namespace) -> None:
    """Challenger and champion on a record that neither was taught on."""
    from models.anomaly.life import CHALLENGER, CHAMPION, shadow

    record = _record(options)
    there = [name for name in (CHALLENGER, CHAMPION) if (options.models / name).exists()]
    if not there:
        raise BadInput("holds no model", source=str(options.models), remedy="oshwatch models train makes one")
    for name in there:
        print(_told(name, shadow(options.models / name, record)))


def promote(options: argparse.Namespace) -> None:
    """Only when not worse."""
    from models.anomaly.life import CHALLENGER, CHAMPION
    from models.anomaly.life import promote as promote_challenger

    challenger, champion = promote_challenger(options.models, _record(options))
    print(_told(CHALLENGER, challenger))
    if champion is not None:
        print(_told(CHAMPION, champion))
    print("promoted")


def rollback(options: argparse.Namespace) -> None:
    """The earlier one again."""
    from models.anomaly.life import rollback as roll_back

    print(f"the earlier model stands again; the other is kept as {roll_back(options.models)}")


def monitor(options: argparse.Namespace) -> int:
    """What has drifted; 1 where something has."""
    from alerts.model_monitor import FILE, kept_of
    from domain.times import to_rfc3339

    if not (options.models / FILE).is_file():
        raise BadInput("holds nothing of the drift monitors", source=str(options.models), remedy="name the folder `models` of a running centre's data folder")
    kept = kept_of(options.models)
    print(f"{len(kept.days)} days, looked at {to_rfc3339(kept.at_us)}")
    for drift in kept.drifts:
        print(f"{drift.what} of {drift.subject}: {drift.value:g} ({'limit' if drift.what == 'scores' else 'before' if drift.what == 'rate' else 'expected'} {drift.before:g})")
    print(f"{len(kept.drifts)} have drifted" if kept.drifts else "nothing has drifted, as far as is known")
    return 1 if kept.drifts else 0


def _told(name: str, found: Shadow) -> str:
    return f"{name}: {found.alarms} alarms in {found.weeks:.2f} weeks, {found.per_sensor_week:.2f} a sensor-week; {found.found} of {found.faults} faults put in are found"


def _record(options: argparse.Namespace) -> Record:
    from models.anomaly.life import Record

    header, _, times, values = _table(options.input)
    _check_period(options.period)
    return Record(names=header[1:], period_s=options.period, times_us=times, values=values)


def _check_period(period_s: float) -> None:
    if not period_s > 0:
        raise BadInput("is no time", field="--period", remedy="seconds between two rows, such as 60")


def _peer_name(path: Path, name: str, header: list[str], width: int) -> str:
    """A single column stands for what the input's single column stands for, whatever it is called."""
    return f"{path.stem}/{header[1]}" if width == 2 and len(header) == 2 else f"{path.stem}/{name}"


def _table(path: Path) -> tuple[list[str], list[list[str]], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    import numpy as np

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {error.strerror if isinstance(error, OSError) else 'it is not UTF-8 text'}", source=str(path)) from None
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or [cell.strip() for cell in rows[0]][:1] != [TIME] or len(rows[0]) < 2:
        raise BadInput("the first line must be `time` and one column a channel, separated by commas", source=str(path), line=1)
    header = [cell.strip() for cell in rows[0]]
    if len(set(header)) != len(header):
        raise BadInput("a column stands twice", source=str(path), line=1)
    body: list[list[str]] = []
    times: list[int] = []
    values: list[list[float]] = []
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise BadInput(f"{len(row)} cells for {len(header)} columns", source=str(path), line=line)
        body.append(row)
        times.append(_time_us(row[0], path, line))
        values.append([_number(cell, path, line, name) for cell, name in zip(row[1:], header[1:], strict=True)])
    if not body:
        raise BadInput("has a header and no rows", source=str(path))
    _check_order(times, path)
    return header, body, np.array(times, dtype=np.int64), np.array(values, dtype=np.float64)


def _check_order(times: list[int], path: Path) -> None:
    for index in range(1, len(times)):
        if times[index] < times[index - 1]:
            raise BadInput("rows must be in time order", source=str(path), line=index + 2, field=TIME, remedy="sort the file by time")


def _time_us(cell: str, path: Path, line: int) -> int:
    """Unix seconds, or ISO 8601; without an offset it is UTC."""
    cell = cell.strip()
    try:
        return round(float(cell) * 1e6)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise BadInput(f"'{cell}' is no time", source=str(path), line=line, field=TIME, remedy="ISO 8601 or Unix seconds") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


def _number(cell: str, path: Path, line: int, name: str) -> float:
    cell = cell.strip()
    if not cell:
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        raise BadInput(f"'{cell}' is no number", source=str(path), line=line, field=name, remedy="leave a missing value empty") from None
    return value if abs(value) < 1e300 else float("nan")


def _on(times: npt.NDArray[np.int64], peer_times: npt.NDArray[np.int64], values: npt.NDArray[np.float64], period_s: float) -> npt.NDArray[np.float64]:
    """The peers' latest rows at each of the input's times, as far as they are no older than one and a half periods."""
    import numpy as np

    at = np.searchsorted(peer_times, times, side="right") - 1
    recent = (at >= 0) & (times - peer_times[np.maximum(at, 0)] <= 1.5e6 * period_s)
    return np.where(recent[:, None], values[np.maximum(at, 0)], np.nan)


def _write(path: Path, header: list[str], rows: list[list[str]], found: Scored) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*header, *COLUMNS])
    for index, row in enumerate(rows):
        numbers = (f"{value[index]:.6g}" for value in (found.score, found.p_fault, found.p_event))
        writer.writerow([*row, *numbers, found.fault_type[index], found.culprit[index], int(found.alarm[index])])
    try:
        path.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}", source=str(path)) from None
