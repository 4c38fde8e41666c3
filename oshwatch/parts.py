"""The wiring of each part of the centre: which repositories, stores and rules it is handed."""

from __future__ import annotations

from sqlalchemy import Engine

from oshwatch.settings import Settings


def prepare(settings: Settings) -> Engine:
    """Folders and an up-to-date records database; raises `BadInput` or `NotReady` in plain words."""
    from storage.records.engine import open_records

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return open_records(settings.database_url)
