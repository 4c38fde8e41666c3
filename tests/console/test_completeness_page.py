"""Completeness of a channel through the API and on its page: what should be there, what is, and why the rest is not."""

from __future__ import annotations

import pytest

from domain.ids import channel_parts
from domain.quality import Reason
from domain.quantities import Averaging
from domain.reading import Reading, minute_from
from domain.senml import Refusal, encode_pack
from domain.times import DAY_US, MINUTE_US, SECOND_US, parse_instant, to_rfc3339
from storage.records.ledger import GapRow, LedgerBatch, LedgerRepository, QuarantineRow
from storage.timeseries.port import Batch, Expiry

CHANNEL = "agent-gluing.gluing.co2"
AGENT = channel_parts(CHANNEL)[0]
T0 = parse_instant("2026-11-24T03:00:00Z")
TICK_US = 10 * SECOND_US
HOUR = {"start": to_rfc3339(T0), "stop": to_rfc3339(T0 + 60 * MINUTE_US)}


def at(number: int) -> int:
    return T0 + number * TICK_US


@pytest.fixture
def holed(site):
    """An hour of yesterday: power off for ten minutes, a sensor that fails for five, five samples in quarantine, a minute nobody knows of."""
    factory = site.factory
    readings = [Reading(CHANNEL, at(number), 600.0) for number in range(360) if number not in range(100, 160) and number not in range(200, 235) and number not in range(300, 306)]
    failed = [Reading(CHANNEL, at(number), None, 1, (Reason.HW_FAILURE,)) for number in range(200, 230)]
    factory.timeseries.write(Batch(rewritten=sorted([*readings, *failed], key=lambda reading: reading.time_us)))
    refused = [encode_pack(AGENT, "b1", number, True, [Reading(CHANNEL, at(number), 601.0)]) for number in range(230, 235)]
    gap = GapRow(agent=AGENT, boot="b1", seq=0, sensor="", start_us=at(99), stop_us=at(159), cause="power")
    rows = [_quarantined(payload, number) for number, payload in enumerate(refused)]
    LedgerRepository(factory.engine).commit(LedgerBatch(arrived_us=factory.clock.now_us(), gaps=[gap], quarantine=rows))
    return site


def _quarantined(payload: bytes, number: int) -> QuarantineRow:
    return QuarantineRow(
        agent=AGENT, site="f1", boot="b1", seq=number, refusal=Refusal.STORE_REFUSED.value, detail="refused", payload=payload, whole=False, digest=bytes([number]) * 16
    )


def test_each_hole_has_its_cause(holed) -> None:
    found = holed.get(f"/api/v1/channels/{CHANNEL}/completeness", params=HOUR).json()
    assert (found["start"], found["stop"], found["expected"], found["stored"]) == (HOUR["start"], HOUR["stop"], 360, 360 - 60 - 35 - 6)
    assert [(hole["cause"], hole["missing"]) for hole in found["holes"]] == [("power", 60), ("sensor", 30), ("centre", 5), ("unknown", 6)]
    assert (found["holes"][0]["from"], found["holes"][0]["to"]) == (to_rfc3339(at(99)), to_rfc3339(at(159)))


@pytest.mark.parametrize("bytes_of_a_stranger", [b"[" * 30_000 + b"]" * 30_000, b"\xff\xfe", b'[{"bt": "x", "n": 1}, 7, null]'])
def test_a_message_in_quarantine_that_cannot_be_read_hides_no_other_cause(holed, bytes_of_a_stranger: bytes) -> None:
    before = holed.get(f"/api/v1/channels/{CHANNEL}/completeness", params=HOUR).json()
    engine, now_us = holed.factory.engine, holed.factory.clock.now_us()
    LedgerRepository(engine).commit(LedgerBatch(arrived_us=now_us, quarantine=[_quarantined(bytes_of_a_stranger, 77)]))
    assert holed.get(f"/api/v1/channels/{CHANNEL}/completeness", params=HOUR).json() == before


def test_what_retention_deleted_is_said_and_what_it_left_counts(site) -> None:
    factory, hour_us = site.factory, T0
    readings = [Reading(CHANNEL, at(number), 600.0) for number in range(720)]
    minutes = [minute_from(CHANNEL, T0 + number * MINUTE_US, readings[number * 6 : number * 6 + 6], Averaging.ARITHMETIC) for number in range(120)]
    factory.timeseries.write(Batch(rewritten=readings, minutes=minutes))
    factory.timeseries.expire([Expiry(CHANNEL, hour_us + 2 * 60 * MINUTE_US, hour_us + 60 * MINUTE_US, "rule")], hour_us)
    stop = to_rfc3339(T0 + 120 * MINUTE_US)
    found = site.get(f"/api/v1/channels/{CHANNEL}/completeness", params={"start": HOUR["start"], "stop": stop}).json()
    assert (found["expected"], found["stored"]) == (720, 360)
    assert [(hole["cause"], hole["missing"], hole["from"]) for hole in found["holes"]] == [("after retention", 360, HOUR["start"])]


def test_a_long_period_is_told_by_its_minutes_and_too_long_a_one_is_refused(holed) -> None:
    start_us = T0 - 60 * DAY_US
    found = holed.get(f"/api/v1/channels/{CHANNEL}/completeness", params={"start": to_rfc3339(start_us), "stop": HOUR["stop"]}).json()
    assert found["expected"] == 60 * 8640 + 360
    assert found["expected"] >= found["stored"] + sum(hole["missing"] for hole in found["holes"])
    assert holed.get(f"/api/v1/channels/{CHANNEL}/completeness", params={"start": "2024-01-01T00:00:00Z", "stop": HOUR["stop"]}).status_code == 422


def test_minutes_and_samples_tell_the_same_of_a_shift(standing, monkeypatch: pytest.MonkeyPatch) -> None:
    from console import completeness as reading_side

    channel, params = "agent-sewing-2.sewing-2.sound_level_a_eq", {"start": "2026-11-25T00:00:00Z", "stop": "2026-11-25T03:30:00Z"}
    monkeypatch.setattr(reading_side, "RAW_MAX", 10)
    found = standing.get(f"/api/v1/channels/{channel}/completeness", params=params).json()
    assert (found["stored"], found["holes"]) == (210 * 6, [])


def test_before_the_future_nothing_is_due_and_a_foreign_channel_is_not_found(standing) -> None:
    ahead = {"start": "2027-01-01T00:00:00Z", "stop": "2027-01-02T00:00:00Z"}
    assert standing.get(f"/api/v1/channels/{CHANNEL}/completeness", params=ahead).json()["expected"] == 0
    assert standing.get("/api/v1/channels/agent-k.press.co2/completeness").status_code == 404


def test_the_page_says_it_in_words_without_javascript_and_in_vietnamese(holed) -> None:
    page = holed.get("/zones/f1.gluing/completeness", params={"date": "2026-11-24"}).text
    row = page[page.index(f'data-channel-day="{CHANNEL}"') :]
    assert page.count('<rect class="hole"') >= 4
    assert "Power was off" in row
    assert "The sensor gave no usable value" in row
    assert "Refused or lost at the centre" in row
    assert 'href="?date=2026-11-23"' in page
    vietnamese = holed.get("/zones/f1.gluing/completeness", params={"date": "2026-11-24", "lang": "vi"}).text
    assert "Mất điện" in vietnamese
    assert "Power was off" not in vietnamese


def test_the_zone_leads_to_it_and_a_foreign_zone_does_not(standing) -> None:
    assert "/zones/f1.gluing/completeness" in standing.get("/zones/f1.gluing").text
    assert standing.get("/zones/k1.press/completeness").status_code == 404
    assert standing.get("/zones/f1.gluing/completeness", params={"date": "yesterday"}).status_code == 422
