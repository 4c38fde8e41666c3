"""How a result came about: the page and the files say the same, and a running shift has a dose so far and no LEX,8h."""

from __future__ import annotations

import csv
import html
import io
import math
import re

import msgspec
import pytest

from assess.engine import Assessor
from domain.registry import CalibrationSpec, Entry
from domain.strictness import change_by
from domain.times import HOUR_US, parse_instant
from storage.records.registry import RegistryRepository

REL = "wbgt_effective_60min_worst"


@pytest.fixture(scope="module")
def assessed(filled, serve, tmp_path_factory, copy_factory):
    """A console over results that assess itself has made."""
    with copy_factory(filled, tmp_path_factory.mktemp("assessed"), speed=0.001) as factory, serve(factory) as site:
        registry = RegistryRepository(factory.engine)
        spec = CalibrationSpec(
            id="cal-1",
            channel="agent-ironing-1.ironing-1.air_temperature",
            type="zero",
            performed_at="2026-11-20T00:00:00Z",
            by="Quatest 3",
            offset=0.5,
            next_due="2027-11-20",
        )
        now_us = factory.clock.now_us()
        held = registry.load().at(now_us).sites["f1"]
        eu = msgspec.structs.replace(held, profiles=["us-niosh", "eu"])
        registry.add(
            [
                Entry(site="f1", kind="calibration", id="cal-1", valid_from_us=now_us - HOUR_US, recorded_us=now_us, author="linh", reason="", body=msgspec.json.encode(spec)),
                Entry(site="f1", kind="site", id="f1", valid_from_us=0, recorded_us=now_us, author="linh", reason="", body=msgspec.json.encode(eu)),
            ]
        )
        Assessor(factory.timeseries, factory.engine, factory.clock).tick()
        yield site


def test_a_result_that_stands_without_a_calibration_that_waits_is_explained_without_it(filled, serve, tmp_path_factory, copy_factory):
    with copy_factory(filled, tmp_path_factory.mktemp("waiting"), speed=0.001) as factory, serve(factory) as site:
        registry, now_us = RegistryRepository(factory.engine), factory.clock.now_us()
        channel = "agent-sewing-2.sewing-2.sound_level_a_eq"
        spec = CalibrationSpec(id="cal-low", channel=channel, type="acoustic", performed_at="2026-11-20T00:00:00Z", by="linh", offset=9.0)
        record = Entry(site="f1", kind="calibration", id="cal-low", valid_from_us=0, recorded_us=now_us, author="linh", reason="", body=msgspec.json.encode(spec))
        change = change_by(registry.load(), "f1", [record])
        held = registry.load().at(now_us).sites["f1"]
        registry.add([msgspec.structs.replace(record, kind="site", id="f1", body=msgspec.json.encode(msgspec.structs.replace(held, profiles=["us-niosh", "eu"])))])
        registry.add([record, msgspec.structs.replace(record, kind="change", id=change.id, body=msgspec.json.encode(change))])
        Assessor(factory.timeseries, factory.engine, factory.clock).tick()
        id = identifier(site, zone="f1.sewing-2", metric="lex_8h", limit="eu")
        found = site.get(f"/api/v1/verdicts/{id}").json()
        (sound,) = found["inputs"]
        assert sound["channel"] == channel
        assert (found["verdict"]["contested"], sound["calibration"], sound["calibration_state"]) == (True, None, "unknown")
        minutes = [row["value"] for row in site.get(f"/api/v1/verdicts/{id}/minutes").json()["items"] if row["value"] is not None]
        level = 10 * math.log10(sum(10 ** (level / 10) for level in minutes) / 480)
        assert level == pytest.approx(found["verdict"]["value"], abs=0.1)  # of the readings as they were, not 9 dB lower


def address(site, zone="f1.ironing-1", metric=REL, limit="us-niosh"):
    """The page of the first result of this metric and profile, from the zone's page."""
    page = site.get(f"/zones/{zone}").text
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/zones/[^"]*/verdicts\?[^"]*)"', page)]
    return next(link for link in links if f"metric={metric}&" in link and f"limit={limit}" in link)


def identifier(site, **of):
    answer = site.get(address(site, **of))
    assert answer.status_code == 303
    return int(answer.headers["location"].rpartition("/")[2])


def test_the_page_says_step_by_step_how_the_result_came_about(assessed) -> None:
    id = identifier(assessed)
    page, source = html.unescape(assessed.get(f"/verdicts/{id}").text), assessed.get(f"/api/v1/verdicts/{id}").json()["limit_source"]
    for part in (
        "1. The result",
        "2. The formula",
        "3. The minutes",
        "4. The limit",
        "5. The instruments",
        "6. How sure it is",
        "7. What is missing",
        "8. Reasons and notes",
        "Revisions",
    ):
        assert part in page
    assert "ISO 7243:2017, clause 5" in page
    assert all(source[part] and source[part] in page for part in ("title", "edition", "clause", "name"))
    assert "cal-1, 2026-11-20T00:00:00Z, Quatest 3" in page
    assert '<polyline class="series"' in page
    assert "so far: the shift is running" in page


def test_the_same_numbers_come_as_json_and_as_csv(assessed) -> None:
    id = identifier(assessed)
    found = assessed.get(f"/api/v1/verdicts/{id}").json()
    assert (found["verdict"]["metric"], found["limit_source"]["profile"], found["method_source"][:13]) == (REL, "us-niosh", "ISO 7243:2017")
    assert {one["quantity"] for one in found["inputs"]} == {"air_temperature", "relative_humidity", "globe_temperature", "air_speed"}
    assert [one["calibration"]["id"] for one in found["inputs"] if one["quantity"] == "air_temperature"] == ["cal-1"]
    flat = dict(csv.reader(io.StringIO(assessed.get(f"/api/v1/verdicts/{id}?format=csv").text)))
    assert float(flat["verdict.value"]) == found["verdict"]["value"]
    assert float(flat["verdict.bounds.parts.0.high"]) == found["verdict"]["bounds"]["parts"][0]["high"]


def test_the_minutes_are_those_that_the_result_rests_on(assessed) -> None:
    id = identifier(assessed)
    verdict = assessed.get(f"/api/v1/verdicts/{id}").json()["verdict"]
    rows = assessed.get(f"/api/v1/verdicts/{id}/minutes").json()["items"]
    assert (len(rows), sum(row["valid"] and row["counted"] for row in rows)) == (verdict["expected"], verdict["valid"])
    start, stop = (parse_instant(verdict["window"][end]) for end in ("start", "stop"))
    worst = [row["value"] for row in rows if start <= parse_instant(row["time"]) < stop and row["value"] is not None]
    assert sum(worst) / len(worst) == pytest.approx(verdict["value"], abs=0.001)
    table = list(csv.DictReader(io.StringIO(assessed.get(f"/api/v1/verdicts/{id}/minutes", headers={"Accept": "text/csv"}).text)))
    assert [float(row["value"]) for row in table if row["value"]] == [row["value"] for row in rows if row["value"] is not None]


def test_a_running_shift_shows_its_noise_as_a_dose_so_far_and_never_as_lex(assessed) -> None:
    stored = assessed.get("/api/v1/sites/f1/exposures?hazard=noise").json()["items"]
    assert "lex_8h" in {verdict["metric"] for verdict in stored if verdict["value"] is not None}
    floor, zone = assessed.get("/sites/f1").text, assessed.get("/zones/f1.sewing-2").text
    level = assessed.get(f"/verdicts/{identifier(assessed, zone='f1.sewing-2', metric='lex_8h', limit='eu')}").text
    for page in (floor, zone, level):
        assert "LEX,8h<" not in page
        assert "Noise, LEX,8h" not in page
    assert "Noise dose so far" in floor
    assert "Noise dose so far" in level


def test_a_level_so_far_is_shown_as_its_share_of_the_energy_that_the_limit_allows(assessed) -> None:
    found = assessed.get("/api/v1/sites/f1/exposures?hazard=noise&zone=f1.sewing-2").json()["items"]
    stored = next(verdict for verdict in found if verdict["metric"] == "lex_8h" and verdict["value"] is not None)
    share = 100 * 10 ** ((stored["value"] - stored["limit"]["value"]) / 10)
    assert f"{share:,.0f}\N{NO-BREAK SPACE}%" in assessed.get("/zones/f1.sewing-2").text


def test_what_is_in_another_scope_does_not_exist(assessed) -> None:
    id = identifier(assessed)
    for path in (f"/verdicts/{id}", f"/api/v1/verdicts/{id}", f"/api/v1/verdicts/{id}/minutes", address(assessed)):
        assert assessed.get(path, who="kim").status_code == 404
    assert assessed.get("/api/v1/verdicts/999999").status_code == 404
    assert assessed.get("/zones/f1.ironing-1/verdicts?date=2026-11-25&shift=A&hazard=heat&metric=none&limit=x").status_code == 404


def test_a_revision_says_what_changed_and_the_earlier_one_stays(site) -> None:
    factory = site.factory
    assessor = Assessor(factory.timeseries, factory.engine, factory.clock)
    shift_stop_us = parse_instant("2026-11-25T09:00:00Z")
    assessor.tick(shift_stop_us - HOUR_US)
    assessor.tick(shift_stop_us + HOUR_US)
    first = identifier(site)
    assert (
        site.request("PUT", "/api/v1/zones/f1.ironing-1/work", json={"metabolic_rate_w": 360, "valid_from": "2026-11-25T00:00:00Z", "reason": "heavier irons"}).status_code == 200
    )
    registry = RegistryRepository(factory.engine)
    entry = next(entry for entry in registry.load().entries if entry.kind == "work")
    assert entry.reason == "heavier irons"
    later = msgspec.structs.replace(entry, recorded_us=shift_stop_us + 2 * HOUR_US, body=entry.body.replace(b"360", b"380"))
    registry.add([later])
    assessor.tick(shift_stop_us + 3 * HOUR_US)
    second = identifier(site)
    assert second != first
    page = site.get(f"/verdicts/{second}").text
    assert "registry changed: work" in page
    assert "heavier irons" in page
    assert "metabolic_rate_w 300" in page
    assert "This is an earlier revision." in site.get(f"/verdicts/{first}").text


def test_the_accuracy_of_an_estimate_stands_beside_it_with_its_source(assessed):
    path = f"/verdicts/{identifier(assessed)}"
    told = assessed.get(f"/api/v1{path}").json()
    texts = " ".join(one["text"] for one in told["accuracy"])
    assert "good to 0.7 to 1.0 °C" in texts
    assert all(one["source"] for one in told["accuracy"])
    page = html.unescape(assessed.get(path).text)
    for one in told["accuracy"]:
        assert one["text"] in page
        assert one["source"] in page


def test_every_missing_or_plain_instrument_has_its_accuracy_stated():
    from assess import texts
    from console.methods import accuracy_of

    said = [texts.NO_GLOBE, texts.NO_ANEMOMETER.format(speed="0.2"), texts.GLOBE_CORRECTED.format(diameter="40"), texts.INSTRUMENT_CLASS.format(channel="a.b.co", grade="trend")]
    assert len(accuracy_of(said)) == 4
    assert accuracy_of([texts.INSTRUMENT_CLASS.format(channel="a.b.co", grade="compliance")]) == []
