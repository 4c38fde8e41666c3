"""`oshwatch timeseries` and what `doctor` says of a store."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import pytest

from domain.reading import Reading
from domain.times import DAY_US
from oshwatch.cli import run
from oshwatch.commands import doctor
from oshwatch.settings import Settings, load_settings
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch, DeletesByItself

T0 = 1_763_798_400_000_000 // DAY_US * DAY_US


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path))
    return load_settings()


def test_a_copy_says_what_it_did_and_shows_no_progress_in_a_pipe(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_timeseries(f"sqlite:///{tmp_path}/one")
    store.write(Batch(fresh=[Reading("a.p.co2", T0 + number, float(number)) for number in range(50)]))
    store.close()
    assert run(["timeseries", "copy", "--from", f"sqlite:///{tmp_path}/one", "--to", f"sqlite:///{tmp_path}/two"]) == 0
    out, err = capsys.readouterr()
    assert "0 were the same, 50 readings and 0 minutes written" in out
    assert err == ""
    assert run(["timeseries", "copy", "--from", f"sqlite:///{tmp_path}/one", "--to", f"sqlite:///{tmp_path}/two", "--verify-only"]) == 0
    assert "1 were the same, 0 readings" in capsys.readouterr().out


def test_bench_query_fills_a_store_and_asks_it_from_another_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "query", "--rows", "20000", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["what"] for row in rows] == ["insert", "insert, 2,000 a write", "24 h of a channel", "last of 200", "50 channels x 30 d hourly", "insert while asked"]
    assert rows[0]["rows"] == 20_000
    assert all(row["while_writing"] and row["p50_ms"] > 0 for row in rows[2:5])


def test_rules_and_holds_by_command(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["timeseries", "retain", "--readings-days", "10", "--by", "A", "--reason", "r"]) == 2
    assert run(["timeseries", "retain", "--readings-days", "400", "--minutes-days", "900", "--by", "A", "--reason", "plan"]) == 0
    capsys.readouterr()
    assert run(["timeseries", "retention"]) == 0
    assert capsys.readouterr().out.startswith("* *: readings 400 d, minutes 900 d\t")
    assert run(["timeseries", "hold", "--site", "f1", "--kind", "review", "--from", "2026-01-01T00:00:00Z", "--by", "R", "--reference", "review 3"]) == 0
    id = capsys.readouterr().out.strip()
    assert run(["timeseries", "holds"]) == 0
    assert "review 3" in capsys.readouterr().out
    assert run(["timeseries", "release", id, "--by", "R", "--reason", "closed"]) == 0
    assert run(["timeseries", "holds"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["timeseries", "release", id, "--by", "R", "--reason", "closed"]) == 2
    assert run(["timeseries", "expire"]) == 0
    assert capsys.readouterr().out.endswith("0 records deleted after retention\n")


@pytest.mark.server("victoriametrics")
def test_doctor_refuses_a_store_on_which_no_evidence_may_rest(settings: Settings, victoria: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._timeseries(settings) is None
    monkeypatch.setenv("OSHWATCH_TIMESERIES_URL", victoria)
    problem = doctor._timeseries(load_settings())
    assert problem is not None
    assert "no evidence may rest on it" in problem
    assert "milli" in problem or "1000 µs" in problem


@pytest.mark.server("influxdb")
def test_doctor_compares_a_bucket_s_own_retention_with_rules_and_holds(settings: Settings, influx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSHWATCH_TIMESERIES_URL", influx.url)
    monkeypatch.setenv("OSHWATCH_INFLUXDB_TOKEN", influx.token)
    assert doctor._timeseries(load_settings()) is None
    store = open_timeseries(influx.url, influx.token)
    assert isinstance(store, DeletesByItself)
    assert store.deletes_after_us() == 0
    store.close()
    checks_retention(load_settings())


def checks_retention(settings: Settings) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert "no rule lets anything go" in (doctor._kept(settings, 100 * DAY_US) or "")
    assert run(["timeseries", "retain", "--readings-days", "90", "--by", "A", "--reason", "r"]) == 0
    assert doctor._kept(settings, 100 * DAY_US) is None
    assert "a rule keeps minutes 90 days" in (doctor._kept(settings, 80 * DAY_US) or "")
    assert run(["timeseries", "hold", "--site", "f1", "--kind", "review", "--from", now, "--by", "R", "--reference", "x"]) == 0
    assert doctor._kept(settings, 100 * DAY_US) is None
    assert run(["timeseries", "hold", "--site", "f1", "--kind", "review", "--from", "2020-01-01T00:00:00Z", "--by", "R", "--reference", "x"]) == 0
    assert "what is held from 2020-01-01" in (doctor._kept(settings, 100 * DAY_US) or "")


@pytest.mark.server("influxdb1")
def test_influxdb_1_says_what_its_policy_deletes(influx1: str) -> None:
    http, _, query = influx1.replace("influxdb1", "http").partition("?")
    database = query.partition("=")[2].partition("&")[0]
    statement = f"CREATE RETENTION POLICY month ON {database} DURATION 30d REPLICATION 1".replace(" ", "+")
    with urllib.request.urlopen(urllib.request.Request(f"{http}/query?q={statement}", method="POST"), timeout=10) as response:
        response.read()
    for policy, expected in (("autogen", 0), ("month", 30 * DAY_US)):
        store = open_timeseries(influx1.replace("autogen", policy))
        assert isinstance(store, DeletesByItself)
        assert store.deletes_after_us() == expected
        store.close()
