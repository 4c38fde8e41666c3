"""`apply` against a small server that answers as Grafana's API does: no Grafana is to be had for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dashboards.apply import InfluxDb, apply
from dashboards.floor import floor
from domain.errors import BadInput, NotReady, Refused

TOKEN = "service-account-token"
STORE = InfluxDb(url="http://influxdb:8086", bucket="oshwatch", user="grafana", password="reads-only")


class FakeGrafana(BaseHTTPRequestHandler):
    """Folders, data sources and dashboards by uid, as in Grafana's HTTP API."""

    def do_GET(self) -> None:
        kind, uid = self.path.removeprefix("/api/").replace("datasources/uid/", "datasources/").split("/", 1)
        found = self.server.state[kind].get(uid)
        self._answer(200, found) if found else self._answer(404, {"message": "not found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.changes.append((self.command, self.path))
        if self.path == "/api/dashboards/db":
            known = self.server.state["dashboards"].get(body["dashboard"]["uid"])
            if known and not body["overwrite"]:
                return self._answer(412, {"message": "version-mismatch"})
            if body["folderUid"] not in self.server.state["folders"]:
                return self._answer(400, {"message": "folder not found"})
            self.server.state["dashboards"][body["dashboard"]["uid"]] = body["dashboard"]
            return self._answer(200, {"status": "success", "uid": body["dashboard"]["uid"]})
        kind = self.path.removeprefix("/api/")
        if body["uid"] in self.server.state[kind]:
            return self._answer(409, {"message": "exists"})
        self.server.state[kind][body["uid"]] = body
        return self._answer(200, body)

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.changes.append((self.command, self.path))
        self.server.state["datasources"][self.path.removeprefix("/api/datasources/uid/")] = body
        self._answer(200, body)

    def _answer(self, status: int, body: object) -> None:
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            status, body = 401, {"message": "invalid API key"}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Tests are silent."""


@pytest.fixture
def grafana() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeGrafana)
    server.state = {"folders": {}, "datasources": {}, "dashboards": {}}
    server.changes = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def test_apply_makes_folder_data_source_and_dashboards(grafana) -> None:
    lines = apply(address(grafana), TOKEN, STORE)
    assert grafana.state["dashboards"]["oshwatch-floor"] == floor().to_json()
    assert set(grafana.state["folders"]) == {"oshwatch"}
    source = grafana.state["datasources"]["oshwatch-influxdb"]
    assert (source["url"], source["jsonData"]["dbName"]) == (STORE.url, STORE.bucket)
    assert source["secureJsonData"] == {"basicAuthPassword": "reads-only"}
    assert len(lines) == 3


def test_a_second_apply_changes_nothing(grafana) -> None:
    apply(address(grafana), TOKEN, STORE)
    before = json.dumps(grafana.state)
    grafana.changes.clear()
    apply(address(grafana), TOKEN, STORE)
    assert json.dumps(grafana.state) == before
    assert grafana.changes == [("PUT", "/api/datasources/uid/oshwatch-influxdb"), ("POST", "/api/dashboards/db")]


def test_without_a_store_no_data_source_is_touched(grafana) -> None:
    apply(address(grafana), TOKEN)
    assert grafana.state["datasources"] == {}


def test_a_wrong_token_is_refused_in_plain_words(grafana) -> None:
    with pytest.raises(Refused, match="role Editor"):
        apply(address(grafana), "another-token")


def test_a_grafana_that_does_not_answer_is_not_ready(grafana) -> None:
    grafana.shutdown()
    grafana.server_close()
    with pytest.raises(NotReady, match="does not answer"):
        apply(address(grafana), TOKEN)


def test_an_address_that_is_none_is_bad_input() -> None:
    with pytest.raises(BadInput, match="--url"):
        apply("grafana:3000", TOKEN)


def test_the_store_password_is_not_shown_by_repr() -> None:
    assert STORE.password not in repr(STORE)
