"""Every records repository is tested on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from storage.records.engine import open_records


@pytest.fixture
def engine(records_url: str) -> Iterator[Engine]:
    opened = open_records(records_url)
    yield opened
    opened.dispose()
