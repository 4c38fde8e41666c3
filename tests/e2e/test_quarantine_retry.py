"""The store refuses part of a shift, the cause is mended, the packs in quarantine are tried again by command: the shift's result gets a new revision, and both stand in the API."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml

from domain.reading import Reading
from domain.times import HOUR_US, MINUTE_US, SECOND_US
from edge_agent.outbox import Outbox
from oshwatch.testing import FakeClock, until

FACTORY = ZoneInfo("Asia/Ho_Chi_Minh")
MINUTES, EARLY, EVERY_US = 180, 60, 20 * SECOND_US
"""A shift of three hours, from a full hour on, that ended at least 30 minutes ago; its first hour lies before what the bucket keeps (InfluxDB refuses by shards, here of an hour)."""


def site(start_us: int) -> dict[str, Any]:
    local = dt.datetime.fromtimestamp(start_us / SECOND_US, FACTORY)
    channel = {"placement": "hall", "quantity": "sound_level_a_eq", "zone": "hall", "interval_s": EVERY_US / SECOND_US}
    return {
        "site": {"id": "f1", "name": "Sunrise", "timezone": FACTORY.key, "country": "VN", "profiles": ["us-niosh"]},
        "shifts": [{"name": "A", "start": f"{local:%H:%M}", "stop": f"{local + dt.timedelta(minutes=MINUTES):%H:%M}"}],
        "zones": [{"id": "hall", "name": "Hall", "metabolic_rate_w": 180}],
        "agents": [{"id": "agent-1", "channels": [channel]}],
    }


def keep_for(influx: Any, seconds: int) -> None:
    """The bucket's retention; 0 is for ever. InfluxDB refuses what is older."""
    with httpx.Client(base_url=influx.http, headers={"Authorization": f"Token {influx.token}"}) as client:
        (found,) = client.get("/api/v2/buckets", params={"name": influx.bucket}).json()["buckets"]
        rule = {"type": "expire", "everySeconds": seconds, **({"shardGroupDurationSeconds": 3600} if seconds else {})}
        assert client.patch(f"/api/v2/buckets/{found['id']}", json={"retentionRules": [rule]}).status_code == 200


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.server("mosquitto")
@pytest.mark.server("influxdb")
def test_what_is_accepted_from_quarantine_makes_a_new_revision_and_the_old_one_stays(
    make_centre: Callable[..., Any], make_edge: Callable[..., Any], mosquitto: Any, influx: Any, tmp_path: Path
) -> None:
    now_us = time.time_ns() // 1000
    start_us = (now_us - (MINUTES + 30) * MINUTE_US) // HOUR_US * HOUR_US
    stop_us = start_us + MINUTES * MINUTE_US
    readings = [Reading("agent-1.hall.sound_level_a_eq", at_us, 90.0 if at_us < start_us + EARLY * MINUTE_US else 80.0) for at_us in range(start_us, stop_us, EVERY_US)]
    keep_for(influx, (now_us - start_us) // SECOND_US - (EARLY + 1) * 60)
    centre = make_centre(mosquitto.url, OSHWATCH_TIMESERIES_URL=influx.url, OSHWATCH_INFLUXDB_TOKEN=influx.token)
    (tmp_path / "f1.yaml").write_text(yaml.safe_dump(site(start_us)))
    centre.command("registry", "import", str(tmp_path / "f1.yaml"), "--by", "tests", "--reason", "first")
    data_dir = tmp_path / "agent-1"
    data_dir.mkdir()
    outbox = Outbox(data_dir / "outbox.db", FakeClock(stop_us))
    outbox.import_boot("the-shift", [readings[first : first + 90] for first in range(0, len(readings), 90)])
    outbox.close()
    centre.start()
    make_edge({"agent": "agent-1", "data_dir": str(data_dir), "clock": {"trusted": True}, "mqtt": {"url": mosquitto.url}, "sensors": []}).start()
    centre.wait_until_ready(90)
    api = centre.api(scope="f1")
    until(lambda: len(api.all("quarantine", state="held")) >= EARLY * MINUTE_US // EVERY_US, 60, "the store refuses the first hour")
    date = f"{dt.datetime.fromtimestamp(start_us / SECOND_US, FACTORY):%Y-%m-%d}"

    def doses(**query: Any) -> list[dict[str, Any]]:
        found = api.all("sites/f1/exposures", date=date, hazard="noise", **query)
        return sorted((one for one in found if one["metric"] == "dose_3db"), key=lambda one: one["revision"])

    until(lambda: any(one["valid"] >= (MINUTES - EARLY) // 2 for one in doses()), 60, "the shift has a result without it", every_s=0.5)
    (before,) = doses()
    assert before["coverage"] < 0.75
    assert before["state"] == "not_assessable"

    keep_for(influx, 0)
    centre.command("quarantine", "retry", *(str(item["id"]) for item in api.all("quarantine", state="held")))
    until(lambda: api.all("quarantine", state="held") == [], 60, "all is accepted")
    until(lambda: any(one["valid"] == MINUTES for one in doses()), 60, "the shift has its whole result", every_s=0.5)
    (after,) = doses()
    assert after["revision"] > before["revision"]
    assert after["value"] > 1.5 * before["value"]
    assert after["coverage"] == 1.0
    both = doses(revisions="all")
    assert [one["revision"] for one in both] == list(range(1, after["revision"] + 1))
    assert before in both
    assert after in both
    stored = api.all("channels/agent-1.hall.sound_level_a_eq/readings", start=start_us / SECOND_US, stop=stop_us / SECOND_US)
    assert [one["value"] for one in stored] == [reading.value for reading in readings]
