"""Benchmarks go on working: what they print is there and is of something that happened. No figure is asserted."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

import pytest

from domain.clock import SystemClock
from oshwatch.bench_agent import SENSORS, agent_rates
from oshwatch.bench_demo import _page

PARTS = {
    "/sites/demo": b'<link rel="stylesheet" href="/static/a.css"><script type="module" src="/static/live.js"></script><a href="/alerts">no part</a>',
    "/static/a.css": b"a{}",
    "/static/live.js": b'import "/static/chart.js";',
    "/static/chart.js": b"export const x = 1;",
}


@pytest.mark.slow
@pytest.mark.server("mosquitto")
def test_an_agent_with_twenty_sensors_is_measured_while_its_readings_are_stored(mosquitto: object, tmp_path: Path) -> None:
    found = agent_rates(tmp_path, SystemClock(), seconds=2.0)
    assert found["sensors"] == SENSORS
    assert found["stored_per_s"] > 0
    assert found["agent_rss_mb"] > 5


def test_a_page_is_weighed_with_all_that_it_loads() -> None:
    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PARTS[self.path])

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            parts = _page(f"http://127.0.0.1:{server.server_port}", "/sites/demo", "token")
        finally:
            server.shutdown()
            thread.join()
    assert parts.keys() == PARTS.keys()
