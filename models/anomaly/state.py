"""State of a model as named arrays: JSON manifest and .npz beside it, with their hashes, read without pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import BadInput

SCHEMA = 1
ARRAYS, MANIFEST = "state.npz", "manifest.json"


def arrays_of(thing: object, prefix: str = "") -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Every array and number that an object holds, by its path; what is not one of the two, or a list or an object of this room, is none of its state."""
    for name, value in vars(thing).items():
        yield from _walk(value, f"{prefix}{name}")


def _walk(value: object, path: str) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, bool | int | float):
        yield path, np.array(value)
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _walk(one, f"{path}.{index}")
    elif _is_part(value):
        yield from arrays_of(value, f"{path}.")


def _is_part(value: object) -> bool:
    """Frozen tables of who is compared with whom are no state: they follow from the channels."""
    return type(value).__module__.startswith("models.anomaly.") and hasattr(value, "__dict__")


def restore(thing: object, arrays: dict[str, np.ndarray[Any, Any]], prefix: str = "") -> None:
    """The other way round, into an object of the same shape; raises `BadInput` where they do not fit."""
    for name, value in vars(thing).items():
        setattr(thing, name, _restored(value, arrays, f"{prefix}{name}"))


def _restored(value: Any, arrays: dict[str, np.ndarray[Any, Any]], path: str) -> Any:
    if isinstance(value, np.ndarray):
        found = _found(arrays, path)
        if found.shape != value.shape or found.dtype != value.dtype:
            raise BadInput(f"{path} is {found.dtype}{found.shape}, expected {value.dtype}{value.shape}", remedy="this state is of another model or other channels: start anew")
        return found.copy()
    if isinstance(value, bool | int | float):
        return type(value)(_found(arrays, path).item())
    if isinstance(value, list | tuple):
        return type(value)([_restored(one, arrays, f"{path}.{index}") for index, one in enumerate(value)])
    if _is_part(value):
        restore(value, arrays, f"{path}.")
    return value


def _found(arrays: dict[str, np.ndarray[Any, Any]], path: str) -> np.ndarray[Any, Any]:
    if path not in arrays:
        raise BadInput(f"the state lacks {path}", remedy="start anew")
    return arrays[path]


def save(folder: Path, thing: object, about: dict[str, object]) -> None:
    """Into a new folder beside, then renamed: a reader sees the old state or the new one, whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f"{folder.name}.new")
    fresh.mkdir(exist_ok=True)
    with (fresh / ARRAYS).open("wb") as file:
        np.savez(file, **dict(arrays_of(thing)))  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    manifest = {"schema": SCHEMA, "files": {ARRAYS: _hash(fresh / ARRAYS)}, **about}
    (fresh / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
    old = folder.with_name(f"{folder.name}.old")
    _remove(old)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    _remove(old)


def load(folder: Path, thing: object) -> dict[str, object]:
    """Checks every hash before a byte is used; a pickle inside is refused. Returns the manifest."""
    manifest = manifest_of(folder)
    _check(folder, manifest)
    try:
        with np.load(folder / ARRAYS, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError) as error:
        raise BadInput(f"is no state: {error}", source=str(folder / ARRAYS), remedy="start anew") from None
    restore(thing, arrays)
    return manifest


def manifest_of(folder: Path) -> dict[str, object]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BadInput("has no readable manifest", source=str(folder), remedy="a folder written by this program") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise BadInput("is of another edition", source=str(folder / MANIFEST), remedy=f"schema {SCHEMA} is read")
    return manifest


def _check(folder: Path, manifest: dict[str, object]) -> None:
    files = manifest.get("files")
    if not isinstance(files, dict) or set(files) != {ARRAYS}:
        raise BadInput("names other files than it should", source=str(folder / MANIFEST))
    if not (folder / ARRAYS).is_file() or _hash(folder / ARRAYS) != files[ARRAYS]:
        raise BadInput("is not what its manifest says", source=str(folder / ARRAYS), remedy="take an earlier one: oshwatch models rollback")


def _hash(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def _remove(folder: Path) -> None:
    if folder.exists():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
