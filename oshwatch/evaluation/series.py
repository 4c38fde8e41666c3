"""Where the public series lie, and how they are read. Nothing of them enters the house."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from models.arrays import Array, Mask

PERIODS_S = {"intel": 60.0, "santander": 300.0}


def is_there(root: Path) -> bool:
    return (root / "debruijn_faults").is_dir()


def faulty(root: Path, site: str, folder: str) -> tuple[list[str], Array, Array]:
    """Sensors, temperatures and labels, both rows × sensors, as they were recorded."""
    files = sorted((root / "debruijn_faults" / site / folder).glob("*.csv.gz"))
    found = [_column(path) for path in files]
    return [path.name for path in files], np.stack([values for values, _ in found], axis=1), np.stack([labels for _, labels in found], axis=1)


def clean(root: Path, site: str) -> Array:
    """Rows × sensors; Intel as one-minute medians, as the protocol has it."""
    _, values, _ = faulty(root, site, "clean")
    return np.nanmedian(values.reshape(-1, 2, values.shape[1]), axis=1) if site == "intel" else values


def _column(path: Path) -> tuple[Array, Array]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([float(row[3]) if row[3] else np.nan for row in rows]), np.array([float(row[2]) for row in rows])


def nab(root: Path) -> dict[str, tuple[Array, list[tuple[int, int]]]]:
    """Series by name, with their anomaly windows as row numbers, both ends inside."""
    folder = root / "nab"
    windows = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    found = {}
    for path in sorted((folder / "data").glob("*/*.csv")):
        name = f"{path.parent.name}/{path.name}"
        with path.open(encoding="utf-8") as file:
            rows = list(csv.reader(file))[1:]
        times = [_seconds(row[0]) for row in rows]
        spans = [(int(np.searchsorted(times, _seconds(start))), int(np.searchsorted(times, _seconds(stop), side="right")) - 1) for start, stop in windows[name]]
        found[name] = (np.array([float(row[1]) for row in rows]), spans)
    return found


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def skab(root: Path) -> dict[str, tuple[Array, Mask]]:
    """Runs of eight channels by name, and whether each row is anomalous."""
    found = {}
    for path in sorted((root / "skab" / "data").glob("*/*.csv")):
        with path.open(encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter=";"))
        if "anomaly" in rows[0]:
            table = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]])
            found[f"{path.parent.name}/{path.name}"] = (table[:, :8], table[:, 8] > 0)
    return found
