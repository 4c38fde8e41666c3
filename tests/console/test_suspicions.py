"""What a model's suspicion rests on, and what people say of it."""

from __future__ import annotations

import msgspec
import pytest

from assess import texts
from assess.live import LiveZone
from domain.hazards import Severity
from models.anomaly import Evidence
from storage.records.suspects import Suspect, SuspectsRepository
from storage.records.zone_states import ZoneStatesRepository

CHANNEL = "agent-ironing-1.ironing-1.air_temperature"


@pytest.fixture
def alert(site) -> str:
    evidence = Evidence(
        test="drift",
        value=34.1,
        low=30.0,
        high=31.5,
        lower_share=0.998,
        minutes=4_312,
        peers=["a.b.air_temperature"],
        contribution=0.7,
        version="floor-2",
        at_us=1_764_000_000_000_000,
    )
    suspect = Suspect(
        channel=CHANNEL, kind="fault", fault_type="drift", since_us=1_764_000_000_000_000, score=2.4, text="wandered off", evidence=msgspec.json.encode(evidence).decode()
    )
    SuspectsRepository(site.factory.engine).upsert([suspect])
    site.factory.raise_alert("f1.ironing-1", "sensor", "suspected_fault", Severity.NOTICE, evidence={"channels": [CHANNEL]})
    return next(item["id"] for item in site.get("/api/v1/alerts").json()["items"] if item["type"] == "suspected_fault")


def say(site, alert: str, who: str, *, is_fault: bool, is_checked: bool = False) -> bool | None:
    answer = site.post(f"/api/v1/suspicions/{alert}/judgement", who=who, json={"is_fault": is_fault, "is_checked": is_checked})
    assert answer.status_code == 200, answer.text
    return answer.json()["is_fault"]


def test_over_a_limit_a_fault_needs_both_sides(site, alert: str) -> None:
    assert say(site, alert, "linh", is_fault=True) is None
    assert say(site, alert, "minh", is_fault=True) is None
    assert say(site, alert, "hoa", is_fault=True) is True
    assert [word["by"] for word in site.get(f"/api/v1/suspicions/{alert}/judgements").json()["judgements"]] == ["linh", "minh", "hoa"]


def test_over_a_limit_a_field_check_settles_a_fault(site, alert: str) -> None:
    assert say(site, alert, "linh", is_fault=True, is_checked=True) is True


def test_that_it_was_real_needs_both_sides(site, alert: str) -> None:
    assert say(site, alert, "linh", is_fault=False) is None
    assert say(site, alert, "hoa", is_fault=False) is False


def test_one_side_against_the_other_settles_nothing(site, alert: str) -> None:
    assert say(site, alert, "linh", is_fault=True, is_checked=True) is True
    assert say(site, alert, "hoa", is_fault=False) is None


def test_only_those_who_respond_judge_and_only_a_models_alert(site, alert: str) -> None:
    assert site.post(f"/api/v1/suspicions/{alert}/judgement", who="tran", json={"is_fault": True}).status_code == 403
    heat = next(item["id"] for item in site.get("/api/v1/alerts").json()["items"] if item["type"] == "heat")
    assert site.post(f"/api/v1/suspicions/{heat}/judgement", json={"is_fault": True}).status_code == 422
    assert site.post(f"/api/v1/suspicions/{alert}/judgement", json={"fault": True}).status_code == 422
    assert site.get("/api/v1/suspicions/nothing/judgements").status_code == 404


def test_a_judgement_leaves_the_limit_alarm_as_it_is(site, alert: str) -> None:
    before = [item for item in site.get("/api/v1/alerts").json()["items"] if item["type"] == "heat"]
    say(site, alert, "linh", is_fault=True, is_checked=True)
    assert [item for item in site.get("/api/v1/alerts").json()["items"] if item["type"] == "heat"] == before


def test_the_pages_say_in_words_what_it_rests_on_and_take_a_judgement(site, alert: str) -> None:
    for page in (site.get("/zones/f1.ironing-1").text, site.get(f"/alerts/{alert}").text):
        assert "wanders off from the same quantity in other zones" in page
        assert "Expected between 30.0\u00a0°C and 31.5\u00a0°C, last value 34.1\u00a0°C." in page
        assert "in 99.8 % of the 4,312 minutes on record it was lower" in page
        assert "Compared with a.b.air_temperature." in page
        assert "Model floor-2" in page
    answer = site.post(f"/suspicions/{alert}/judgement", data={"verdict": "fault", "checked": "true", "text": "15 °C off the reference"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts/{alert}")
    page = site.get(f"/alerts/{alert}").text
    assert "Held to be a fault of the sensor." in page
    assert "15 °C off the reference" in page
    assert f'action="/suspicions/{alert}/judgement"' not in site.get(f"/alerts/{alert}", who="tran").text


SAID = texts.SUSPECTS_REPLACED.format(sensors="agent-ironing-1.ironing-1.air_temperature", measured="26.1 Cel", replaced="33.4 Cel")


def test_both_values_of_a_suspected_sensor_stand_on_its_zone_and_its_alert_in_the_readers_language(site) -> None:
    row = ZoneStatesRepository(site.factory.engine).get("f1.ironing-1")
    live = msgspec.json.decode(row.body, type=LiveZone)
    site.factory.zone_state(live.zone, live.status, [msgspec.structs.replace(one, reasons=["Of the shift so far.", SAID]) for one in live.windows])
    alert = site.factory.raise_alert("f1.ironing-1", "heat", "over_limit", Severity.STOP, value=33.4, unit="Cel", evidence={"reasons": [SAID]})
    for path in ("/zones/f1.ironing-1", f"/alerts/{alert}"):
        page = site.get(path).text
        assert "As measured 26.1 Cel, with what is suspected replaced 33.4 Cel" in page, path
        assert "Nghi ngờ" in site.get(f"{path}?lang=vi").text, path
    assert "Of the shift so far." not in site.get(f"/alerts/{alert}").text
