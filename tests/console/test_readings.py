"""Samples and aggregates of a channel, as programs get them."""

from __future__ import annotations

import csv
import io
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console import params
from console.readings import read_aggregates, read_samples
from domain.errors import BadInput
from domain.quantities import Averaging
from domain.reading import Reading, minute_from, superseded
from domain.registry import CalibrationSpec, Channel, ChannelSpec, Entry
from domain.senml import decode_pack
from domain.times import DAY_US, MINUTE_US, SECOND_US, to_rfc3339
from storage.records.registry import RegistryRepository
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch

NOISE = "agent-sewing-2.sewing-2.sound_level_a_eq"
T0 = 1_764_040_800_000_000  # a full minute


def channel(quantity: str, interval_s: float = 10) -> Channel:
    return Channel(id=f"a.p.{quantity}", agent="a", site="s", zone="s.z", spec=ChannelSpec(placement="p", quantity=quantity, zone="z", interval_s=interval_s))


@pytest.fixture
def store(tmp_path):
    store = open_timeseries(f"sqlite:///{tmp_path}")
    yield store
    store.close()


def put(store, quantity: str, values: list[float | None], *, step_s: float = 10, q: int = 4, r: tuple[int, ...] = ()) -> None:
    store.write(Batch(fresh=[Reading(f"a.p.{quantity}", T0 + round(index * step_s * SECOND_US), value, q, r) for index, value in enumerate(values)]))


def buckets(store, quantity: str, every_s: int, agg: str = "mean", seconds: int = 60, now_s: int = 10_000):
    span = params.Span(T0, T0 + seconds * SECOND_US)
    return read_aggregates(store, channel(quantity), span, every_s * SECOND_US, agg, T0 + now_s * SECOND_US).buckets


def test_decibels_are_averaged_as_energies(store) -> None:
    put(store, "sound_level_a_eq", [80, 90, 80, 90, 80, 90])
    (bucket,) = buckets(store, "sound_level_a_eq", 60)
    assert bucket.value == pytest.approx(10 * math.log10((1e8 + 1e9) / 2))
    assert (bucket.min, bucket.max, bucket.n, bucket.expected, bucket.coverage) == (80, 90, 6, 6, 1.0)


def test_temperatures_are_averaged_arithmetically(store) -> None:
    put(store, "air_temperature", [20, 30])
    assert buckets(store, "air_temperature", 60)[0].value == 25


@pytest.mark.parametrize(("agg", "value"), [("max", 31.5), ("min", 20.25)])
def test_extremes(store, agg: str, value: float) -> None:
    put(store, "air_temperature", [20.25, 31.5, 25])
    assert buckets(store, "air_temperature", 60, agg)[0].value == value


def test_start_is_inside_and_stop_is_outside(store) -> None:
    put(store, "air_temperature", [1, 2, 3], step_s=60)
    first, second = buckets(store, "air_temperature", 60, seconds=120)
    assert (first.n, first.value, second.n, second.value) == (1, 1, 1, 2)
    assert first.stop == second.start


def test_a_hole_is_an_empty_bucket_and_never_filled(store) -> None:
    put(store, "air_temperature", [20], step_s=60)
    held, hole = buckets(store, "air_temperature", 60, seconds=120)
    assert (hole.value, hole.min, hole.n, hole.expected, hole.coverage) == (None, None, 0, 6, 0.0)
    assert held.coverage == pytest.approx(1 / 6, abs=1e-4)


def test_rejected_and_unsynchronised_samples_do_not_count(store) -> None:
    put(store, "air_temperature", [20, 99], q=1)
    store.write(Batch(fresh=[Reading("a.p.air_temperature", T0 + 20 * SECOND_US, 50.0, 4, (128,)), Reading("a.p.air_temperature", T0 + 30 * SECOND_US, 21.0, 3)]))
    (bucket,) = buckets(store, "air_temperature", 60)
    assert (bucket.value, bucket.n) == (21.0, 1)


def test_what_is_still_to_come_is_not_expected_yet(store) -> None:
    put(store, "air_temperature", [20, 21, 22])
    (bucket,) = buckets(store, "air_temperature", 60, now_s=30)
    assert (bucket.expected, bucket.coverage) == (3, 1.0)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(30, 120), min_size=24, max_size=24), quantity=st.sampled_from(["sound_level_a_eq", "air_temperature", "sound_level_c_peak"]))
def test_minutes_and_samples_give_the_same_aggregate(values: list[float], quantity: str) -> None:
    """Long spans are answered from minutes: nobody may be able to tell."""
    averaging = {"sound_level_a_eq": Averaging.ENERGY, "air_temperature": Averaging.ARITHMETIC, "sound_level_c_peak": Averaging.MAXIMUM}[quantity]
    held = [Reading(f"a.p.{quantity}", T0 + index * 10 * SECOND_US, value) for index, value in enumerate(values)]
    minutes = [minute_from(f"a.p.{quantity}", T0 + start * MINUTE_US, [r for r in held if r.time_us // MINUTE_US == (T0 // MINUTE_US + start)], averaging) for start in range(4)]

    class Store:
        def read(self, *_: object) -> dict[str, list[Reading]]:
            return {f"a.p.{quantity}": held}

        def read_minutes(self, *_: object):
            return {f"a.p.{quantity}": minutes}

    span = params.Span(T0, T0 + 4 * MINUTE_US)
    from_samples, from_minutes = (read_aggregates(Store(), channel(quantity), span, 2 * MINUTE_US, "mean", span.stop_us, raw_max=raw_max).buckets for raw_max in (1000, 3))
    assert [bucket.value for bucket in from_minutes] == pytest.approx([bucket.value for bucket in from_samples])
    assert [(b.min, b.max, b.n) for b in from_minutes] == [(b.min, b.max, b.n) for b in from_samples]


def test_what_was_retimed_is_told_once_at_its_right_time(store) -> None:
    wrong, right = Reading("a.p.co2", T0, 500.0, 4, (128,)), Reading("a.p.co2", T0 + 90 * SECOND_US, 500.0)
    store.write(Batch(fresh=[wrong, right]))
    store.write(Batch(rewritten=[superseded(wrong)]))
    assert read_samples(store, channel("co2"), params.Span(T0, T0 + 4 * MINUTE_US)).readings == [right]


def test_samples_come_with_quality_and_exact_times(site) -> None:
    at_us = site.factory.clock.now_us() // 1000 * 1000 + 123
    site.factory.store(NOISE, 88.25, at_us=at_us, q=3, r=(131, 134))
    items = site.get(f"/api/v1/channels/{NOISE}/readings?start={to_rfc3339(at_us)}").json()["items"]
    assert items == [{"time": to_rfc3339(at_us), "value": 88.25, "q": 3, "r": [131, 134]}]
    assert to_rfc3339(at_us).endswith("123Z")


def test_a_rejected_sample_reads_as_no_value_with_its_reason(site) -> None:
    at_us = site.factory.clock.now_us()
    site.factory.store(NOISE, 19.0, at_us=at_us, q=1, r=(1,))
    assert site.get(f"/api/v1/channels/{NOISE}/readings?start={at_us / 1e6:.6f}").json()["items"] == [{"time": to_rfc3339(at_us), "value": None, "q": 1, "r": [1]}]


def test_pages_join_to_the_whole_without_repeating(standing) -> None:
    path = f"/api/v1/channels/{NOISE}/readings?start=2026-11-25T03:00:00Z&stop=2026-11-25T03:42:00Z"
    whole = standing.get(path).json()
    assert whole["next"] is None
    pages, cursor = [], ""
    while cursor is not None:
        page = standing.get(f"{path}&limit=7&cursor={cursor}").json()
        pages += page["items"]
        cursor = page["next"]
    assert pages == whole["items"]
    assert len(pages) > 21


def test_a_span_of_years_costs_no_more_than_a_page(standing) -> None:
    page = standing.get(f"/api/v1/channels/{NOISE}/readings?start=1990-01-01T00:00:00Z&limit=5").json()
    assert len(page["items"]) == 5
    assert page["next"]
    assert standing.get(f"/api/v1/channels/{NOISE}/readings?start=1990-01-01T00:00:00Z&every=1m").json()["next"]


def test_unix_seconds_mean_the_same_as_text(standing) -> None:
    text = standing.get(f"/api/v1/channels/{NOISE}/readings?start=2026-11-25T03:30:00Z&stop=2026-11-25T10:40:00%2B07:00").json()
    unix = standing.get(f"/api/v1/channels/{NOISE}/readings?start=1795577400&stop=1795578000.0").json()
    assert text == unix
    assert text["items"]


def test_csv_has_a_header_and_leaves_missing_values_empty(site) -> None:
    at_us = site.factory.clock.now_us()
    site.factory.store(NOISE, None, at_us=at_us, q=1, r=(13, 131))
    answer = site.get(f"/api/v1/channels/{NOISE}/readings?start={to_rfc3339(at_us)}", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert list(csv.DictReader(io.StringIO(answer.text))) == [{"time": to_rfc3339(at_us), "value": "", "q": "1", "r": "13 131"}]


def test_csv_of_aggregates_and_its_next_page(standing) -> None:
    answer = standing.get(f"/api/v1/channels/{NOISE}/readings?start=2026-11-25T03:30:00Z&stop=2026-11-25T03:40:00Z&every=1m&limit=4", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == ["start", "stop", "value", "min", "max", "n", "expected", "coverage"]
    assert len(rows) == 4
    assert 'rel="next"' in answer.headers["link"]


def test_senml_can_be_read_back_as_a_pack(standing) -> None:
    query = "start=2026-11-25T03:31:00Z&stop=2026-11-25T03:40:00Z"
    answer = standing.get(f"/api/v1/channels/{NOISE}/readings?{query}", headers={"Accept": "application/senml+json"})
    assert answer.headers["content-type"] == "application/senml+json"
    pack = decode_pack(answer.content.replace(b'"bn":', b'"boot":"b","seq":0,"sync":true,"bn":', 1), "agent-sewing-2")
    shown = standing.get(f"/api/v1/channels/{NOISE}/readings?{query}").json()["items"]
    assert [(to_rfc3339(reading.time_us), reading.value, list(reading.r)) for reading in pack.readings] == [(item["time"], item["value"], item["r"]) for item in shown]
    assert shown


def test_a_form_that_is_not_offered_is_406(standing) -> None:
    answer = standing.get(f"/api/v1/channels/{NOISE}/readings", headers={"Accept": "application/xml"})
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=yesterday", "start"),
        ("start=2026-11-25T03:30:00", "start"),
        ("stop=99999999999999", "stop"),
        ("start=2026-11-25T03:30:00Z&stop=2026-11-25T03:30:00Z", "stop"),
        ("every=soon", "every"),
        ("every=0s", "every"),
        ("every=1m&agg=median", "agg"),
        ("agg=max", "every"),
        ("cursor=%00", "cursor"),
        ("cursor=zz!", "cursor"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("raw=perhaps", "raw"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(standing, query: str, field: str) -> None:
    answer = standing.get(f"/api/v1/channels/{NOISE}/readings?{query}")
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_a_time_or_a_named_problem(text: str) -> None:
    found = read_instant(text)
    assert found == "start" or params.EARLIEST_US <= found <= params.LATEST_US


def read_instant(text: str) -> int | str:
    """The instant, or the name of the field that was refused."""
    try:
        return params.instant(text, "start", 5)
    except BadInput as error:
        return error.field


@given(value=st.integers(0, 10**17))
def test_cursors_come_back_as_they_went(value: int) -> None:
    assert params.time_cursor(params.to_cursor(value)) == value


def test_calibrations_correct_what_is_shown_and_raw_stays_to_be_had(site) -> None:
    now_us = site.factory.clock.now_us()
    spec = CalibrationSpec(id="c1", channel=NOISE, type="acoustic", performed_at="2026-11-25T03:35:00Z", by="lab", offset=-1.5)
    entry = Entry(site="f1", kind="calibration", id="c1", valid_from_us=now_us - 1, recorded_us=now_us, author="lab", reason="", body=msgspec.json.encode(spec))
    RegistryRepository(site.factory.engine).add([entry])
    query = "start=2026-11-25T03:34:00Z&stop=2026-11-25T03:36:00Z"
    raw, shown = (site.get(f"/api/v1/channels/{NOISE}/readings?{query}&raw={raw}").json()["items"] for raw in ("true", "false"))
    offsets = [round(one["value"] - other["value"], 6) for one, other in zip(shown, raw, strict=True)]
    assert offsets == [0.0 if item["time"] < "2026-11-25T03:35" else 1.5 for item in shown]
    assert set(offsets) == {0.0, 1.5}


PARQUET = "application/vnd.apache.parquet"


def table(answer):
    pq = pytest.importorskip("pyarrow.parquet")
    return pq.read_table(io.BytesIO(answer.content))


def test_parquet_holds_what_json_says(standing) -> None:
    path = f"/api/v1/channels/{NOISE}/readings?start=2026-11-25T03:00:00Z&stop=2026-11-25T03:42:00Z"
    items = standing.get(path).json()["items"]
    answer = standing.get(path, headers={"Accept": PARQUET})
    rows = table(answer).to_pylist()
    assert answer.headers["content-type"] == PARQUET
    assert [{**row, "time": to_rfc3339(round(row["time"].timestamp() * 1e6))} for row in rows] == items
    assert table(answer).schema.metadata[b"unit"] == b"dB"


def test_parquet_of_aggregates_keeps_a_hole_as_a_hole(standing) -> None:
    path = f"/api/v1/channels/{NOISE}/readings?start=2026-11-25T02:00:00Z&stop=2026-11-25T03:42:00Z&every=5m&agg=max"
    items = standing.get(path).json()["items"]
    rows = table(standing.get(path, headers={"Accept": PARQUET})).to_pylist()
    assert [(row["value"], row["n"], row["coverage"]) for row in rows] == [(item["value"], item["n"], item["coverage"]) for item in items]
    assert any(row["value"] is None for row in rows)


def test_a_file_holds_the_whole_span_and_a_page_only_what_was_asked(site) -> None:
    now_us = site.factory.clock.now_us() - 30 * DAY_US  # before all that the factory was given
    start_us = now_us - 30_001 * SECOND_US
    site.factory.timeseries.write(Batch(fresh=[Reading(NOISE, start_us + second * SECOND_US, 70.0 + second % 7) for second in range(30_000)]))
    path = f"/api/v1/channels/{NOISE}/readings?start={start_us / 1e6:.6f}&stop={now_us / 1e6:.6f}"
    for media, rows in (
        ("text/csv", lambda answer: len(answer.text.splitlines()) - 1),
        ("application/senml+json", lambda answer: len(answer.json())),
        (PARQUET, lambda answer: table(answer).num_rows),
    ):
        whole = site.get(path, headers={"Accept": media})
        assert (rows(whole), whole.headers.get("link")) == (30_000, None), media
        page = site.get(path + "&limit=100", headers={"Accept": media})
        assert rows(page) == 100, media
        assert 'rel="next"' in page.headers["link"]
    assert len(site.get(path).json()["items"]) == 10_000


def test_an_export_that_costs_too_much_is_refused_before_its_first_byte(standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.exports.EXPORT_MAX", 20)
    path = f"/api/v1/channels/{NOISE}/readings?start=2026-11-25T03:00:00Z&stop=2026-11-25T03:42:00Z"
    for query in ("", "&every=1m"):
        answer = standing.get(path + query, headers={"Accept": "text/csv"})
        assert answer.status_code == 422
        assert "at most 20" in answer.json()["errors"][0]["detail"]
    assert standing.get(path + "&limit=10", headers={"Accept": "text/csv"}).status_code == 200


def test_samples_can_be_asked_for_by_quality(site) -> None:
    now_us = site.factory.clock.now_us() - 30 * DAY_US
    for second, q in enumerate((4, 3, 2, 1)):
        site.factory.store(NOISE, 80.0, at_us=now_us - second * SECOND_US, q=q)
    path = f"/api/v1/channels/{NOISE}/readings?start={now_us / 1e6 - 10:.6f}&stop={now_us / 1e6 + 1:.6f}"
    assert [[item["q"] for item in site.get(f"{path}&min_q={floor}").json()["items"]] for floor in (0, 3, 4)] == [[1, 2, 3, 4], [3, 4], [4]]
    assert site.get(f"{path}&min_q=3&every=1m").status_code == 422
