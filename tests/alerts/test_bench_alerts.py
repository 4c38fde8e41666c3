"""The benchmarks of alarming run on both databases, and leave nothing behind."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from alerts import bench
from alerts.bench import alert_rates
from alerts.bench_records import fresh_records
from storage.records.journal import JournalRepository


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CHANNELS", 200), ("ZONES", 20), ("A_DAY", 200), ("TRANSITIONS", 2000)):
        monkeypatch.setattr(bench, name, value)


@pytest.mark.usefixtures("small")
def test_every_stage_runs_on_sqlite() -> None:
    policy, journal, start = alert_rates(3)
    assert (policy["records"], policy["channels"], journal["alerts"], start["folded"]) == ("sqlite", 200, 600, 500)
    assert start["open_alerts"] == 5


@pytest.mark.usefixtures("small")
@pytest.mark.server("postgresql")
def test_every_stage_runs_on_postgresql_in_databases_that_go_again(postgres: str) -> None:
    _, journal, start = alert_rates(3, postgres)
    assert (journal["records"], journal["alerts"], start["folded"], start["open_alerts"]) == ("postgresql", 600, 500, 5)
    engine = create_engine(postgres)
    with engine.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM pg_database WHERE datname LIKE 'oshwatch_bench_%'")).scalar()
    engine.dispose()
    assert left == 0


def test_a_fresh_database_is_up_to_date_and_empty() -> None:
    with fresh_records() as engine:
        assert JournalRepository(engine).last_id() == 0
