"""Backups of the embedded stores, taken while they run: one tar of snapshots with a manifest that names each file's size and SHA-256.

The records are copied before the readings: whatever the records say is committed is then in the readings too, and what came later agents send again (`held`, `resend`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from domain.errors import BadInput, NotReady

MANIFEST = "manifest.json"
FORMAT = 1
RECORDS, READINGS, FILES = "records", "readings", "files"
BACKUP_SUFFIX = ".oshbackup"
_CHUNK = 1 << 20
_MAGIC = b"SQLite format 3\x00"
_LIVE = ("-wal", "-shm", "-journal", ".part", ".pid", ".lock", ".sock")


class BackupFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup: `path` in the archive, bytes, and the SHA-256 of its content in hex."""

    path: str
    size: int
    sha256: str
    database: bool = False


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup holds; `missing` names stores that are not embedded and have tools of their own."""

    format: int
    created_at: str
    version: str
    files: list[BackupFile]
    missing: list[str] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What to back up: files of the two stores (None: not embedded), and the data directory for everything else in it."""

    records: Path | None
    readings: Path | None
    data_dir: Path


def create_backup(sources: Sources, out: Path, *, created_at: str, version: str) -> Manifest:
    """Writes `out`, readable by its owner only; raises `BadInput` when it exists and `NotReady` when a store cannot be copied. Nothing is left of a backup that failed."""
    if out.exists():
        raise BadInput("exists already: a backup never overwrites one", source=str(out), remedy="name another file")
    part = out.with_name(out.name + ".part")
    try:
        with tempfile.TemporaryDirectory(prefix=".oshwatch-backup-", dir=out.parent) as scratch:
            manifest = _write(sources, part, Path(scratch), created_at, version)
        part.replace(out)
        _sync(out.parent)
    except (OSError, sqlite3.Error) as error:
        raise NotReady(f"the backup was not made: {error}") from None
    finally:
        part.unlink(missing_ok=True)
    return manifest


def verify_backup(file: Path) -> Manifest:
    """Reads every byte, compares it with the manifest, and has SQLite check its databases; raises `BadInput` that names the first thing that is wrong."""
    with tempfile.TemporaryDirectory(prefix="oshwatch-verify-") as scratch:
        return _unpack(file, Path(scratch))


def restore_backup(file: Path, data_dir: Path) -> Manifest:
    """Puts a backup into an empty or absent `data_dir`, whole or not at all; raises `BadInput` for a directory in use and for a backup that does not verify."""
    if data_dir.exists() and any(data_dir.iterdir()):
        raise BadInput("is not empty: a restore never overwrites", source=str(data_dir), remedy="name a new directory, and set OSHWATCH_DATA_DIR to it")
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".oshwatch-restore-", dir=data_dir.parent))
    try:
        manifest = _unpack(file, scratch / "archive")
        _lay_out(scratch / "archive", scratch / "data")
        if data_dir.exists():
            data_dir.rmdir()
        (scratch / "data").replace(data_dir)
        _sync(data_dir.parent)
    except OSError as error:
        raise NotReady(f"the backup was not restored: {error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return manifest


def _write(sources: Sources, part: Path, scratch: Path, created_at: str, version: str) -> Manifest:
    files: list[BackupFile] = []
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for room, source in ((RECORDS, sources.records), (READINGS, sources.readings)):
                if source is not None:
                    with _snapshot(source, scratch) as copy:
                        files.append(_add(archive, copy, f"{room}/{source.name}", database=True))
            for path in _others(sources):
                files.append(_add_other(archive, path, f"{FILES}/{path.relative_to(sources.data_dir).as_posix()}", scratch))  # noqa: PERF401 - it writes
            missing = [name for name, source in ((RECORDS, sources.records), (READINGS, sources.readings)) if source is None]
            manifest = Manifest(format=FORMAT, created_at=created_at, version=version, files=files, missing=missing)
            body = scratch / MANIFEST
            body.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
            archive.add(body, MANIFEST)
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


@contextmanager
def _snapshot(source: Path, scratch: Path) -> Iterator[Path]:
    """One read transaction over the whole file: consistent, and a writer goes on meanwhile."""
    copy = scratch / source.name
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as live, closing(sqlite3.connect(copy)) as target:
        live.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    try:
        yield copy
    finally:
        copy.unlink()


def _add(archive: tarfile.TarFile, path: Path, name: str, *, database: bool) -> BackupFile:
    with path.open("rb") as content:
        information = archive.gettarinfo(arcname=name, fileobj=content)
        reader = _Hashing(content)
        archive.addfile(information, reader)
    return BackupFile(path=name, size=information.size, sha256=reader.hexdigest(), database=database)


class _Hashing:
    """A file object for `addfile` that hashes what it hands over."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content, self._hash = content, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._content.read(size)
        self._hash.update(block)
        return block

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _add_other(archive: tarfile.TarFile, path: Path, name: str, scratch: Path) -> BackupFile:
    with path.open("rb") as content:
        is_database = content.read(len(_MAGIC)) == _MAGIC
    if not is_database:
        return _add(archive, path, name, database=False)
    with _snapshot(path, scratch) as copy:
        return _add(archive, copy, name, database=True)


def _others(sources: Sources) -> list[Path]:
    """Everything else in the data directory, but for what only a running process needs, and backups that are kept there."""
    stores = {path.resolve() for path in (sources.records, sources.readings) if path is not None}
    return [path for path in sorted(sources.data_dir.rglob("*")) if path.is_file() and not path.is_symlink() and path.resolve() not in stores and not _is_passing(path)]


def _is_passing(path: Path) -> bool:
    is_scratch = any(part.startswith(".oshwatch-") for part in path.parts)
    return is_scratch or path.name.endswith(_LIVE) or path.suffix == BACKUP_SUFFIX


def _unpack(file: Path, into: Path) -> Manifest:
    found: dict[str, BackupFile] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(file, mode="r:") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() and _is_plain(member.name) else None
                if content is None:
                    raise BadInput(f"{member.name}: not a plain file below the archive", source=str(file), remedy="this is no backup of oshwatch")
                if member.name == MANIFEST:
                    manifest = _manifest(content.read(), file)
                    continue
                found[member.name] = _copy(content, into / member.name, member.name)
    except (tarfile.TarError, EOFError) as error:
        raise BadInput(f"not a whole backup: {error}", source=str(file), remedy="take the copy that was verified") from None
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(file), remedy="check the path and the free space") from None
    if manifest is None:
        raise BadInput("has no manifest: it was cut short, or is no backup", source=str(file), remedy="take the copy that was verified")
    _compare(manifest, found, file)
    for one in manifest.files:
        if one.database:
            _check_database(into / one.path, one.path, file)
    return manifest


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return name == MANIFEST or (not path.is_absolute() and ".." not in path.parts and path.parts[0] in (RECORDS, READINGS, FILES))


def _manifest(body: bytes, file: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(body, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BadInput(f"{MANIFEST}: {error}", source=str(file), remedy="this is no backup that this version reads") from None
    if manifest.format != FORMAT:
        raise BadInput(f"format {manifest.format} is not known here", source=str(file), field="format", remedy="restore it with the oshwatch that made it, or a newer one")
    return manifest


def _copy(content: IO[bytes], to: Path, name: str) -> BackupFile:
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while block := content.read(_CHUNK):
            digest.update(block)
            size += len(block)
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    return BackupFile(path=name, size=size, sha256=digest.hexdigest())


def _compare(manifest: Manifest, found: dict[str, BackupFile], file: Path) -> None:
    for one in manifest.files:
        here = found.pop(one.path, None)
        if here is None:
            raise BadInput(f"{one.path} is missing", source=str(file), remedy="take the copy that was verified")
        if (here.size, here.sha256) != (one.size, one.sha256):
            raise BadInput(f"{one.path} is not what was backed up: its SHA-256 differs", source=str(file), remedy="take the copy that was verified")
    if found:
        raise BadInput(f"{next(iter(found))} is not in the manifest", source=str(file), remedy="take the copy that was verified")


def _check_database(path: Path, name: str, file: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            answer = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        answer = str(error)
    if answer != "ok":
        raise BadInput(f"{name}: {answer}", source=str(file), remedy="take an older backup; this one holds a damaged database")


def _lay_out(archive: Path, data: Path) -> None:
    """As a data directory with the default settings: `oshwatch.db`, `timeseries/`, and the other files where they were. Sessions end: a restore is no log-in."""
    if (archive / FILES).exists():
        (archive / FILES).replace(data)
    data.mkdir(exist_ok=True)
    data.chmod(0o700)
    for room, target in ((RECORDS, data), (READINGS, data / "timeseries")):
        for database in (archive / room).glob("*"):
            target.mkdir(exist_ok=True)
            database.replace(target / ("oshwatch.db" if room == RECORDS else database.name))
    if (data / "oshwatch.db").exists():
        with closing(sqlite3.connect(data / "oshwatch.db")) as connection, connection:
            connection.execute("DELETE FROM sessions")


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
