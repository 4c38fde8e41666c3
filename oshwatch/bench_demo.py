"""`oshwatch bench demo`: how long a stranger waits for the first live reading, and how heavy the page is that shows it."""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import urllib3

from domain.errors import NotReady
from oshwatch.supervise import python

READY_WITHIN_S = 120.0
LOOK_S = 0.05
_ASSET = re.compile(r'(?:src|href)="(/static/[^"]+)"')
_IMPORT = re.compile(r'(?:from|import)\s*\(?"(/static/[^"]+)"')


def demo_rates(directory: Path) -> dict[str, Any]:
    """Seconds from the command to the first stored reading of a device, and the officer's page with all that it loads, compressed."""
    began = time.perf_counter()
    process = subprocess.Popen(python("demo", "--port", "0", "--data", str(directory / "demo")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        mark = _ready(directory / "demo" / "demo.json", process)
        first_s = time.perf_counter() - began
        officer = next(user for user in mark["users"] if user["role"] == "officer")
        parts = _page(mark["url"], f"/sites/{mark['site']}", officer["token"])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    return {"first_reading_s": first_s, "page_gz_kb": sum(parts.values()) / 1000, "page_parts": float(len(parts))}


def _ready(path: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.perf_counter() + READY_WITHIN_S
    while time.perf_counter() < deadline and process.poll() is None:
        if path.exists():
            mark: dict[str, Any] = json.loads(path.read_text(encoding="utf-8") or "{}")
            if mark and _status(f"{mark['url']}/readyz") == 200:
                return mark
        time.sleep(LOOK_S)
    raise NotReady(f"the demo had no reading of a device after {READY_WITHIN_S:.0f} s")


def _status(url: str) -> int:
    try:
        return int(urllib3.request("GET", url, timeout=5, retries=False).status)
    except urllib3.exceptions.HTTPError:
        return 0


def _page(url: str, path: str, token: str) -> dict[str, int]:
    """Bytes of the page and of each style sheet, script and picture that it names, as gzip makes them."""
    parts: dict[str, int] = {}
    todo = [path]
    while todo:
        name = todo.pop()
        if name in parts:
            continue
        body = urllib3.request("GET", f"{url}{name}", headers={"Authorization": f"Bearer {token}"}, timeout=20).data
        parts[name] = len(gzip.compress(body))
        text = body.decode("utf-8", errors="replace")
        todo += (_ASSET if name == path else _IMPORT).findall(text)
    return parts
