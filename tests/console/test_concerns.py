"""Concerns without a name: who can write, what is kept, who can read, and that no number gives a few people away."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.app import create_app
from console.concerns import TRIES_AN_HOUR, ConcernLimiter, group_of, groups, last_months, monthly_view
from console.problems import TooMany
from console.sealing import PADDED_BYTES, TEXT_MAX, Concern, SealedFile, fingerprint, new_key, opened, private_key_of, public_key_of, seal
from console.server import ConsoleServer
from domain.errors import BadInput
from domain.registry import Snapshot, Workers, Zone, ZoneSpec
from domain.times import DAY_US, HOUR_US
from oshwatch.testing import FakeClock
from storage.records.concerns import BoardsRepository, ConcernsRepository, Release, SealedConcern

SECRET = "ẩm ướt: the extractor over table four is broken"


@pytest.fixture
def keys(factory) -> dict[str, str]:
    """Both sides have a key; the private ones are here and nowhere else."""
    repository, private = ConcernsRepository(factory.engine), {}
    for side in ("worker", "inspectorate"):
        private[side], public = new_key()
        repository.add_key("f1", side, public_key_of(public), by="test", now_us=0)
    return private


@pytest.fixture
def administration(factory, serve):
    with serve(factory, operator="administration") as site:
        yield site


def code_of(site, zone: str = "f1.ironing-1") -> str:
    site.post("/sites/f1/boards")
    return BoardsRepository(site.factory.engine).of("f1")[zone].code


def send(site, zone: str = "f1.ironing-1", **fields: str):
    return site.post(f"/w/{code_of(site, zone)}/concern", who=None, data={"kind": "heat", "text": SECRET, **fields})


def read(site, keys: dict[str, str], who: str = "hoa", side: str = "worker"):
    return site.post("/sites/f1/concerns/read", who=who, data={"key": keys[side]})


def test_a_factorys_own_centre_takes_no_concern_and_shows_paper_and_a_telephone(site, keys) -> None:
    code = code_of(site)
    assert site.get(f"/w/{code}/concern", who=None).status_code == 404
    assert send(site).status_code == 404
    assert ConcernsRepository(site.factory.engine).sealed("f1") == []
    page = site.get(f"/w/{code}", who=None).text
    assert f"/w/{code}/paper" in page
    assert f"/w/{code}/concern" not in page
    assert site.get("/api/v1/sites/f1/concerns").json()["items"] == []


def test_without_a_key_of_the_worker_side_nothing_is_taken(administration) -> None:
    answer = send(administration)
    assert answer.status_code == 403
    assert ConcernsRepository(administration.factory.engine).sealed("f1") == []


def test_a_concern_is_read_by_the_worker_side_beside_what_was_measured(administration, keys) -> None:
    assert send(administration).status_code == 200
    page = read(administration, keys).text
    assert SECRET in page
    assert "2026-11-25 A" in page
    assert "Ironing line 1" in page
    assert "over the limit" in page
    assert keys["worker"] not in page


def test_the_inspectorate_reads_only_what_was_meant_for_it_too(administration, keys) -> None:
    send(administration)
    send(administration, text="for both", inspectorate="yes")
    page = read(administration, keys, who="tran", side="inspectorate").text
    assert "for both" in page
    assert SECRET not in page
    assert read(administration, keys, who="tran", side="worker").text.count(SECRET) == 0, "the worker side's key opens nothing that is not sealed for it"


def test_nobody_else_reads_even_with_the_key(administration, keys) -> None:
    send(administration)
    for who in ("linh", "minh", "root", "lee"):
        assert read(administration, keys, who=who).status_code == 403, who
        assert administration.get("/sites/f1/concerns/sealed.json", who=who).status_code == 403, who
        assert SECRET not in administration.get("/sites/f1/concerns", who=who).text, who


def test_another_countrys_inspector_learns_nothing(administration, keys) -> None:
    assert read(administration, keys, who="kim", side="inspectorate").status_code == 404
    assert administration.get("/sites/f1/concerns/sealed.json", who="kim").status_code == 404


def test_what_lies_on_the_disk_says_neither_what_nor_where_nor_when(administration, keys) -> None:
    send(administration, kind="reprisal")
    folder = Path(administration.factory.directory)
    with sqlite3.connect(folder / "oshwatch.db") as database:
        rows = database.execute("SELECT * FROM concerns").fetchall()
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(concerns)")]
    assert columns == ["id", "site", "month", "for_worker_side", "for_inspectorate"]
    assert [row[1:3] for row in rows] == [("f1", "2026-11")]
    held = b"".join(path.read_bytes() for path in folder.glob("oshwatch.db*"))
    assert SECRET.encode() not in held
    assert b'"reprisal"' not in held
    assert keys["worker"].encode() not in held


def test_neither_address_nor_browser_nor_time_is_logged_or_kept(administration, keys, caplog: pytest.LogCaptureFixture) -> None:
    code = code_of(administration)
    caplog.set_level(logging.DEBUG)
    sent = {"User-Agent": "AnUnusualTelephone/7", "X-Forwarded-For": "203.0.113.77"}
    answer = administration.post(f"/w/{code}/concern", who=None, data={"kind": "noise", "text": "x"}, headers=sent)
    assert answer.status_code == 200
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    held = b"".join(path.read_bytes() for path in Path(administration.factory.directory).glob("oshwatch.db*"))
    for trace in ("AnUnusualTelephone", "203.0.113.77", "127.0.0.1", code + "/concern"):
        assert not any(trace in line for line in ours), trace
        assert trace.encode() not in held, trace
    with sqlite3.connect(Path(administration.factory.directory) / "oshwatch.db") as database:
        assert database.execute("SELECT count(*) FROM audit WHERE action LIKE '%concern%' AND action != 'concern key'").fetchone() == (0,)


def test_the_console_writes_no_access_log(factory) -> None:
    server = ConsoleServer(create_app(factory.context()), host="127.0.0.1", port=0, log_level="debug")
    assert server.config.access_log is False


def test_concerns_about_violence_or_wages_are_referred_and_not_kept(administration, keys) -> None:
    administration.post("/sites/f1/boards/settings", who="hoa", data={"other_contact": "help line 111", "other_text": "They speak Khmer too."})
    answer = send(administration, kind="elsewhere")
    assert answer.status_code == 200
    assert "help line 111" in answer.text
    assert "They speak Khmer too." in answer.text
    assert ConcernsRepository(administration.factory.engine).sealed("f1") == []


def test_what_says_nothing_or_too_much_comes_back_to_be_mended(administration, keys) -> None:
    for fields in ({"kind": ""}, {"kind": "weather"}, {"kind": "other", "text": " "}, {"text": "x" * (TEXT_MAX + 1)}):
        assert send(administration, **fields).status_code == 422, fields
    assert ConcernsRepository(administration.factory.engine).sealed("f1") == []


def test_a_wrong_key_opens_nothing_and_is_not_shown_again(administration, keys) -> None:
    send(administration)
    other, _ = new_key()
    page = administration.post("/sites/f1/concerns/read", who="hoa", data={"key": other}).text
    assert SECRET not in page
    assert other not in page
    nonsense = administration.post("/sites/f1/concerns/read", who="hoa", data={"key": "nonsense"})
    assert nonsense.status_code == 422
    assert "Traceback" not in nonsense.text


def test_the_sealed_file_is_opened_elsewhere(administration, keys) -> None:
    send(administration)
    body = administration.get("/sites/f1/concerns/sealed.json", who="hoa")
    found, closed = opened(msgspec.json.decode(body.content, type=SealedFile).sealed, private_key_of(keys["worker"]))
    assert ([concern.text for concern in found], closed) == ([SECRET], 0)


def written(site, count: int, month: str = "2026-10") -> str:
    """Concerns of a month, sealed like any other."""
    repository, (_, public) = ConcernsRepository(site.factory.engine), new_key()
    for _ in range(count):
        concern = Concern(kind="heat", text="", zones=["f1.ironing-1"], date=f"{month}-14", shift="A")
        repository.add(SealedConcern(site="f1", month=month, for_worker_side=seal(concern, public_key_of(public)), for_inspectorate=None))
    return month


def test_everybody_sees_a_months_number_from_five_up(administration) -> None:
    for month, count in {"2026-10": 12, "2026-09": 5, "2026-08": 4, "2026-07": 1, "2026-11": 9}.items():
        written(administration, count, month)
    items = {item["month"]: item["concerns"] for item in administration.get("/api/v1/sites/f1/concerns", who="minh").json()["items"]}
    assert [items[month] for month in ("2026-10", "2026-09", "2026-08", "2026-07", "2026-06")] == [12, 5, None, None, None]
    assert "2026-11" not in items, "the month that runs is not counted"
    page = administration.get("/sites/f1/concerns", who="minh").text
    assert page.count("fewer than five, or none") == 9


def test_the_worker_side_alone_releases_more_and_the_journal_says_so(administration) -> None:
    month = written(administration, 3)
    for who in ("linh", "minh", "root", "tran"):
        assert administration.post("/sites/f1/concerns/release", who=who, data={"month": month, "text": "x"}).status_code == 403
    assert administration.post("/sites/f1/concerns/release", who="hoa", data={"month": "2026-11", "text": "x"}).status_code == 422
    assert administration.post("/sites/f1/concerns/release", who="hoa", data={"month": month, "text": "three about the extractor"}).status_code == 303
    items = {item["month"]: item for item in administration.get("/api/v1/sites/f1/concerns", who="minh").json()["items"]}
    assert (items[month]["concerns"], items[month]["text"], items[month]["released"]) == (3, "three about the extractor", True)
    with sqlite3.connect(Path(administration.factory.directory) / "oshwatch.db") as database:
        assert database.execute("SELECT by, detail FROM audit WHERE action = 'concerns released'").fetchall() == [("hoa", "2026-10: three about the extractor")]


TODAY = date(2026, 11, 25)
MONTHS = st.sampled_from(last_months(TODAY + timedelta(days=40)))
HISTORIES = st.dictionaries(MONTHS, st.integers(0, 12))
DAYS = st.lists(st.integers(0, 400).map(lambda days: date(2026, 1, 1) + timedelta(days=days)), min_size=1, max_size=8)


def views(history: dict[str, int], days: list[date]) -> list[object]:
    """All that anybody can ever have seen: every page at every time."""
    return [monthly_view(history, (), day) for day in days]


@settings(max_examples=100, deadline=None)
@given(HISTORIES, MONTHS, st.integers(0, 4), st.integers(0, 4), DAYS)
def test_whatever_is_seen_when_is_the_same_for_any_number_under_five(history: dict[str, int], month: str, one: int, other: int, days: list[date]) -> None:
    """No filter, no subtraction and no waiting tells numbers under five apart: the views do not depend on them."""
    assert views({**history, month: one}, days) == views({**history, month: other}, days)


@settings(max_examples=100, deadline=None)
@given(HISTORIES, st.integers(0, 10), DAYS)
def test_watching_a_running_month_grow_shows_nothing(history: dict[str, int], more: int, days: list[date]) -> None:
    """One more concern in a month that is not over changes no page of that day, so its writer is not given away by the change."""
    for day in days:
        running = f"{day.year:04d}-{day.month:02d}"
        assert monthly_view(history, (), day) == monthly_view({**history, running: history.get(running, 0) + more}, (), day)


@settings(deadline=None)
@given(HISTORIES, DAYS)
def test_a_number_once_seen_stays(history: dict[str, int], days: list[date]) -> None:
    seen: dict[str, int | None] = {}
    for day in sorted(days):
        for one in monthly_view(history, (), day):
            assert one.count is None or one.count >= 5
            assert seen.setdefault(one.month, one.count) == one.count


@settings(deadline=None)
@given(HISTORIES, MONTHS)
def test_a_release_opens_its_own_month_and_no_other(history: dict[str, int], month: str) -> None:
    release = Release(site="f1", month=month, text="", released_by="hoa", released_us=0)
    plain = {one.month: one.count for one in monthly_view(history, (), TODAY)}
    for one in monthly_view(history, (release,), TODAY):
        assert one.count == (history.get(month, 0) if one.month == month else plain[one.month])


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([f"f1.z{number}" for number in range(9)]), st.integers(0, 30), min_size=1))
def test_a_group_of_zones_holds_five_people_or_is_the_whole_site(people: dict[str, int]) -> None:
    found = groups(people)
    assert sorted(zone for group in found for zone in group) == sorted(people)
    assert all(sum(people[zone] for zone in group) >= 5 or len(group) == len(people) for group in found)


def test_a_zone_of_three_is_written_down_together_with_others() -> None:
    workers = {"gluing": Workers(women=2, men=1), "boiler": None, "cutting": Workers(women=15, men=5), "sewing": Workers(women=40, men=10)}
    zones = {f"f1.{id}": Zone(id=f"f1.{id}", site="f1", spec=ZoneSpec(id=id, name=id, workers=held)) for id, held in workers.items()}
    held = Snapshot(zones=zones)
    assert group_of(held, zones["f1.gluing"], "A") == ["f1.boiler", "f1.cutting", "f1.gluing"]
    assert group_of(held, zones["f1.boiler"], "A") == ["f1.boiler", "f1.cutting", "f1.gluing"], "who was not counted may be few"
    assert group_of(held, zones["f1.sewing"], "A") == ["f1.sewing"]
    at_night = replace(zones["f1.sewing"], headcounts={"B": Workers(women=2, men=0)})
    assert len(group_of(Snapshot(zones={**zones, "f1.sewing": at_night}), at_night, "B")) > 1


@settings(deadline=None)
@given(st.text(max_size=TEXT_MAX))
def test_every_sealed_concern_is_equally_long_and_opens_to_what_was_written(text: str) -> None:
    private, public = new_key()
    concern = Concern(kind="smell", text=text, zones=[f"site.zone-{number}" for number in range(20)], date="2026-11-25", shift="A")
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    sealed = seal(concern, public_key_of(public))
    assert len(sealed) == PADDED_BYTES + 48
    assert opened([sealed], private_key_of(private)) == ([concern], 0)


def test_the_limiter_counts_and_forgets_and_keeps_no_address() -> None:
    clock = FakeClock()
    limiter = ConcernLimiter(clock)
    for _ in range(TRIES_AN_HOUR):
        limiter.take("192.0.2.1")
    with pytest.raises(TooMany):
        limiter.take("192.0.2.1")
    limiter.take("192.0.2.2")
    assert "192.0.2" not in repr(vars(limiter))
    clock.sleep(HOUR_US / 1e6)
    limiter.take("192.0.2.1")
    before = vars(limiter)["_key"]
    clock.sleep(DAY_US / 1e6)
    limiter.take("192.0.2.1")
    assert vars(limiter)["_key"] != before


def test_too_many_from_one_place_are_told_to_wait(administration, keys) -> None:
    path = f"/w/{code_of(administration)}/concern"
    answers = Counter(administration.post(path, who=None, data={"kind": "heat"}).status_code for _ in range(TRIES_AN_HOUR + 2))
    assert answers == {200: TRIES_AN_HOUR, 429: 2}


def test_a_private_key_is_not_taken_for_a_public_one() -> None:
    private, public = new_key()
    with pytest.raises(BadInput, match="private"):
        public_key_of(private)
    assert re.fullmatch(r"(\w{4} ){3}\w{4}", fingerprint(public_key_of(public)))
