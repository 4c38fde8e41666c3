"""What Grafana's own user of InfluxDB may do: a viewer of a dashboard can send any request through the data source, so it must only read."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from dashboards.influxql import tag_values
from dashboards.render import datasource

pytestmark = pytest.mark.server("influxdb")


def call(url: str, body: bytes | dict, authorization: str) -> tuple[int, dict]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", "Authorization": authorization}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {}


@pytest.fixture
def grafana_source(influx) -> dict:
    """The data source, for a user made as the container's first start makes it: `influx v1 auth create --read-bucket`."""
    owner = f"Token {influx.token}"
    request = urllib.request.Request(f"{influx.http}/api/v2/buckets?name={influx.bucket}", headers={"Authorization": owner})
    with urllib.request.urlopen(request, timeout=10) as answer:
        [bucket] = json.loads(answer.read())["buckets"]
    user = f"grafana-{time.time_ns()}"
    reads = [{"action": "read", "resource": {"type": "buckets", "id": bucket["id"], "orgID": bucket["orgID"]}}]
    status, made = call(f"{influx.http}/private/legacy/authorizations", {"orgID": bucket["orgID"], "token": user, "permissions": reads}, owner)
    assert status == 201
    assert call(f"{influx.http}/private/legacy/authorizations/{made['id']}/password", {"password": "drawn-at-random"}, owner)[0] == 204
    return datasource(influx.http, influx.bucket, user, "drawn-at-random")


def as_grafana(source: dict, path: str, body: bytes = b"") -> tuple[int, dict]:
    credentials = f"{source['basicAuthUser']}:{source['secureJsonData']['basicAuthPassword']}"
    return call(f"{source['url']}{path}", body, f"Basic {base64.b64encode(credentials.encode()).decode()}")


def test_the_data_source_reads_the_bucket_by_influxql(influx, grafana_source) -> None:
    assert call(f"{influx.http}/api/v2/write?org={influx.org}&bucket={influx.bucket}", b"minute,channel=a.b.co2,quantity=co2 valid=1i", f"Token {influx.token}")[0] == 204
    query = urllib.parse.urlencode({"db": grafana_source["jsonData"]["dbName"], "q": tag_values("channel")})
    status, answer = as_grafana(grafana_source, f"/query?{query}")
    assert status == 200
    assert answer["results"][0]["series"][0]["values"] == [["channel", "a.b.co2"]]


@pytest.mark.parametrize("path", ["/write?db={bucket}", "/api/v2/write?org=osh&bucket={bucket}"])
def test_the_data_source_cannot_write(influx, grafana_source, path: str) -> None:
    status, _ = as_grafana(grafana_source, path.format(bucket=influx.bucket), b"reading,channel=a.b.co2,quantity=co2 v=1")
    assert status in (401, 403)


def test_the_data_source_cannot_delete(influx, grafana_source) -> None:
    query = urllib.parse.urlencode({"db": influx.bucket, "q": 'DROP MEASUREMENT "minute"'})
    status, answer = as_grafana(grafana_source, f"/query?{query}")
    assert status in (401, 403) or "error" in answer["results"][0]
