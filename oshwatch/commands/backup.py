"""`oshwatch backup`: the embedded stores, copied while they run; checked; and put back on another machine."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

from domain.errors import BadInput
from domain.times import to_rfc3339
from oshwatch.settings import Settings, load_settings
from storage.backup import BACKUP_SUFFIX, Manifest, Sources, create_backup, restore_backup, verify_backup

_OTHER_TOOLS = {"records": "the records are on PostgreSQL: run pg_dump first", "readings": "the readings are on a server of their own: use its backup tool after this one"}


def create(options: argparse.Namespace) -> None:
    settings = load_settings(config=options.config)
    out: Path = options.out
    if out.suffix != BACKUP_SUFFIX:
        raise BadInput(f"'{out.name}' does not end in {BACKUP_SUFFIX}", field="--out", remedy=f"for example {out.with_suffix(BACKUP_SUFFIX).name}")
    sources = _sources(settings)
    if sources.records is None and sources.readings is None:
        raise BadInput(
            "neither store is embedded here: there is nothing that this command could copy",
            field="OSHWATCH_DATABASE_URL",
            remedy="pg_dump, then the backup of your time series server",
        )
    manifest = create_backup(sources, out, created_at=to_rfc3339(settings.clock.now_us()), version=version("oshwatch"))
    _say(manifest, f"written to {out}")


def verify(options: argparse.Namespace) -> None:
    _say(verify_backup(options.file), "whole and as it was written")


def restore(options: argparse.Namespace) -> None:
    manifest = restore_backup(options.file, options.data)
    _say(manifest, f"restored to {options.data}")
    print("people must log in again; accounts, tokens and roles are those of the backup: revoke again what was revoked since")
    print(f"start the centre with OSHWATCH_DATA_DIR={options.data}: agents then send again what they still keep, and the rest becomes gaps with cause `centre`")


def _sources(settings: Settings) -> Sources:
    records = _embedded(settings.database_url, "OSHWATCH_DATABASE_URL")
    readings = _embedded(settings.timeseries_url, "OSHWATCH_TIMESERIES_URL")
    if readings is not None:
        from storage.timeseries.sqlite_file import FILE

        readings /= FILE
    for path in (records, readings):
        if path is not None and not path.is_file():
            raise BadInput(f"there is no store at {path}", field="OSHWATCH_DATA_DIR", remedy="use the settings that the centre runs with")
    return Sources(records=records, readings=readings, data_dir=settings.data_dir)


def _embedded(url: str, field: str) -> Path | None:
    scheme, _, rest = url.partition(":///")
    if scheme != "sqlite":
        return None
    if not rest:
        raise BadInput("names no file", field=field, remedy="sqlite:///DIR")
    return Path(rest)


def _say(manifest: Manifest, what: str) -> None:
    size = sum(file.size for file in manifest.files)
    print(f"{len(manifest.files)} files, {size:,} bytes, of {manifest.created_at}: {what}")
    for name in manifest.missing:
        print(f"not in it: {_OTHER_TOOLS[name]}")
