"""Write a record: what the sensors said, what was true, which event and which fault each sample belongs to, and the list of both."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import yaml

from domain.errors import BadInput
from domain.registry import DAYS, AgentSpec, CalibrationSpec, ChannelSpec, Instrument
from domain.times import SECOND_US, to_datetime
from simulator.factory.calibrations import FieldCalibrations
from simulator.factory.record import Block, Record
from simulator.scenario import SHIFT_AGE_US

READINGS, TRUE, EVENTS, FAULTS = "readings", "true", "events", "faults"


class _Table(Protocol):
    def add(self, times_us: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> None: ...
    def close(self) -> None: ...


def write_record(record: Record, folder: Path, form: Literal["csv", "parquet"] = "csv", tell: Callable[[int], None] = lambda _day: None) -> list[Path]:
    """One file each: `readings`, `true`, `events`, `faults` (time and one column a channel), and `incidents.csv`, `site.yaml`; refuses a folder that holds a record."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.{form}" for name in (READINGS, TRUE, EVENTS, FAULTS)}
    for path in paths.values():
        if path.exists():
            raise BadInput("is there already", source=str(path), remedy="give a new folder")
    names = [channel.id for channel in record.channels]
    calibrations = FieldCalibrations(record.scenario.seed, record.channels, record.scenario.course.calibrated_every_days, round(record.begins_s * SECOND_US))
    make = _Csv if form == "csv" else _Parquet
    tables: dict[str, _Table] = {name: make(path, names, is_code=name in (EVENTS, FAULTS)) for name, path in paths.items()}
    for number, block in enumerate(record.blocks(), start=1):
        for name, values in _parts(block).items():
            tables[name].add(block.times_us, values)
        calibrations.day(number - 1, block.times_us, block.observed, block.true, block.fault)
        tell(number)
    for table in tables.values():
        table.close()
    return [*paths.values(), _incidents(record, folder / "incidents.csv"), _site(record, folder / "site.yaml", calibrations.records)]


def _parts(block: Block) -> dict[str, npt.NDArray[Any]]:
    return {READINGS: block.observed, TRUE: block.true, EVENTS: block.event, FAULTS: block.fault}


class _Csv:
    def __init__(self, path: Path, names: list[str], *, is_code: bool) -> None:
        self._file, self._is_code = path.open("w", encoding="utf-8", newline=""), is_code
        csv.writer(self._file).writerow(["time", *names])

    def add(self, times_us: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> None:
        texts = values.astype("U11") if self._is_code else np.char.mod("%.5g", values)
        lines = io.StringIO()
        for time_us, row in zip(times_us.tolist(), texts.tolist(), strict=True):
            lines.write(f"{time_us / SECOND_US:.3f},{','.join('' if cell == 'nan' else cell for cell in row)}\n")
        self._file.write(lines.getvalue())

    def close(self) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, names: list[str], *, is_code: bool) -> None:
        import pyarrow as pa  # noqa: PLC0415 - 60 MB that only this needs
        import pyarrow.parquet as pq  # noqa: PLC0415

        self._pa, kind = pa, pa.int32() if is_code else pa.float32()
        self._schema = pa.schema([("time", pa.timestamp("us", tz="UTC")), *[(name, kind) for name in names]])
        self._writer = pq.ParquetWriter(str(path), self._schema, compression="zstd")

    def add(self, times_us: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> None:
        fields = list(self._schema)
        columns = [self._pa.array(values[:, index].astype(field.type.to_pandas_dtype()), field.type, from_pandas=True) for index, field in enumerate(fields[1:])]
        self._writer.write_table(self._pa.Table.from_arrays([self._pa.array(times_us, self._pa.int64()).cast(fields[0].type), *columns], schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _incidents(record: Record, path: Path) -> Path:
    start = to_datetime(record.start_us)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["number", "truth", "kind", "zone", "start", "stop", "size", "source", "channels"])
        for one in record.incidents:
            begin, end = ((start + timedelta(seconds=round(at))).isoformat() for at in (one.start_s, one.stop_s))
            channels = " ".join(record.channels[column].id for column in one.columns)
            table.writerow([one.number, one.truth, one.kind, record.scenario.areas[one.zone].zone.id, begin, end, f"{one.size:.4g}", one.source, channels])
    return path


def _site(record: Record, path: Path, calibrations: list[CalibrationSpec]) -> Path:
    """The registry of the record: its own working days and hours, every channel at the record's step, and its calibrations."""
    work = record.scenario.course.work
    file = record.scenario.site_file(record.start_us + round(record.begins_s * SECOND_US) + SHIFT_AGE_US)
    shifts = [msgspec.structs.replace(shift, days=[day for number, day in enumerate(DAYS, start=1) if number not in work.days_off]) for shift in file.shifts]
    known = {agent.id for agent in file.agents}
    agents = [AgentSpec(id=agent.id, channels=[msgspec.structs.replace(spec, interval_s=record.step_s) for spec in agent.channels]) for agent in file.agents]
    posts: dict[str, list[ChannelSpec]] = {}
    for channel in record.channels:
        agent, placement, quantity = channel.id.split(".")
        if agent not in known:
            instrument = Instrument(model="simulated", serial=f"sim-{agent}")
            zone = record.scenario.areas[channel.zone].zone.id
            posts.setdefault(agent, []).append(ChannelSpec(placement=placement, quantity=quantity, zone=zone, interval_s=record.step_s, instrument=instrument))
    posted = [AgentSpec(id=agent, channels=specs) for agent, specs in posts.items()]
    file = msgspec.structs.replace(file, shifts=shifts, agents=[*agents, *posted], calibrations=calibrations)
    path.write_text(yaml.safe_dump(msgspec.to_builtins(file), sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path
