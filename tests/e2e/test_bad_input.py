"""Bad input stops the start in one line that names what, where and what to do: exit 2, no traceback; a wrong caller learns nothing."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

GOOD_SITE = {
    "site": {"id": "f1", "name": "Sunrise", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": ["us-niosh"]},
    "shifts": [{"name": "A", "start": "07:00", "stop": "16:00"}],
    "zones": [{"id": "hall", "name": "Hall"}],
    "agents": [{"id": "agent-7", "channels": [{"placement": "hall", "quantity": "co2", "zone": "hall", "interval_s": 10}]}],
}


def oshwatch(*arguments: str, directory: Path, program: str = "oshwatch", **environment: str) -> subprocess.CompletedProcess[str]:
    import sys

    command = [str(Path(sys.executable).parent / program), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OSHWATCH_")}
    return subprocess.run(command, env={**clean, "OSHWATCH_DATA_DIR": str(directory / "data"), **environment}, capture_output=True, text=True, timeout=60, check=False)


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last, last


@pytest.mark.parametrize(
    ("name", "value"),
    [("OSHWATCH_MQTT_URL", "http://broker"), ("OSHWATCH_TIMESERIES_URL", "influxdb://host"), ("OSHWATCH_DATABASE_URL", "oracle://x"), ("OSHWATCH_TIMESERIE_URL", "x"), ("OSHWATCH_LISTEN", "everywhere")],
)  # fmt: skip
def test_a_wrong_setting_stops_serve_by_name(name: str, value: str, tmp_path: Path) -> None:
    refused(oshwatch("serve", directory=tmp_path, **{name: value}), name)


def test_a_database_that_does_not_answer_is_told_in_one_line(tmp_path: Path) -> None:
    done = oshwatch("registry", "export", "--site", "f1", directory=tmp_path, OSHWATCH_DATABASE_URL="postgresql+psycopg://u@127.0.0.1:1/x")
    assert done.returncode == 1
    assert [line.startswith("oshwatch: the records database does not answer") for line in done.stderr.strip().splitlines()] == [True]


@pytest.mark.parametrize("part", [(), ("console",)])
def test_a_port_that_is_taken_stops_serve_with_the_settings_name(part: tuple[str, ...], tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused(oshwatch("serve", *part, directory=tmp_path, OSHWATCH_LISTEN=f"127.0.0.1:{port}"), "OSHWATCH_LISTEN", f"127.0.0.1:{port}", "another port")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"zones": [{"id": "hall", "nmae": "Hall"}]}, ("f1.yaml:", "zones[0].nmae")),
        ({"site": {**GOOD_SITE["site"], "timezone": "Asia/Saigonn"}}, ("f1.yaml:", "timezone")),  # type: ignore[dict-item]
        ({"site": {**GOOD_SITE["site"], "profiles": ["us-niosh", "xx-nope"]}}, ("f1.yaml:", "site.profiles[1]", "xx-nope")),  # type: ignore[dict-item]
        ({"shifts": [{"name": "A", "start": "7", "stop": "16:00"}]}, ("f1.yaml:", "shifts")),
        ({"agents": [{"id": "agent-7", "channels": [{"placement": "hall", "quantity": "co3", "zone": "hall", "interval_s": 10}]}]}, ("f1.yaml:", "co3")),
        ({"agents": [{"id": "agent-7", "channels": [{"placement": "hall", "quantity": "co2", "zone": "attic", "interval_s": 10}]}]}, ("f1.yaml:", "attic")),
    ],
)
def test_a_wrong_registry_file_is_refused_with_line_and_field(change: dict[str, Any], words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "f1.yaml").write_text(yaml.safe_dump({**GOOD_SITE, **change}, sort_keys=False))
    refused(oshwatch("registry", "import", str(tmp_path / "f1.yaml"), directory=tmp_path), *words)


def test_a_missing_registry_file_is_named(tmp_path: Path) -> None:
    refused(oshwatch("registry", "import", str(tmp_path / "none.yaml"), directory=tmp_path), "none.yaml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sensors": [{"id": "a", "driver": "plantowr", "port": "/dev/x", "placement": "hall"}]}, ("agent.yaml:", "plantowr")),
        ({"sensors": [{"id": "a", "driver": "mh_z19", "port": "/dev/x", "placement": "hall", "interval_s": -1}]}, ("agent.yaml:", "interval_s")),
        ({"mqtt": {"url": "tcp://x"}}, ("agent.yaml:", "url")),
        ({"colour": "blue"}, ("agent.yaml:", "colour")),
    ],
)
def test_a_wrong_agent_config_is_refused_with_line_and_field(change: dict[str, Any], words: tuple[str, ...], tmp_path: Path) -> None:
    good = {
        "agent": "agent-7",
        "data_dir": str(tmp_path / "edge"),
        "mqtt": {"url": "mqtt://127.0.0.1:1"},
        "sensors": [{"id": "a", "driver": "mh_z19", "port": "/dev/x", "placement": "hall"}],
    }
    (tmp_path / "agent.yaml").write_text(yaml.safe_dump({**good, **change}, sort_keys=False))
    refused(oshwatch("check", "--config", str(tmp_path / "agent.yaml"), directory=tmp_path, program="oshwatch-edge"), *words)


@pytest.mark.parametrize(
    "arguments",
    [("demo", "--scenario", "no-such"), ("demo", "--prot", "1"), ("serve", "everything"), ("no-such-command",), ("demo", "--speed", "0"), ("limits", "show", "no-such"), ("registry", "export", "--site", "nowhere"), ("token", "create", "--user", "nobody"),
     ("user", "add", "linh", "--role", "king", "--scope", "*"), ("user", "add", "linh", "--role", "officer", "--scope", "Country"), ("quarantine", "show", "77")],
)  # fmt: skip
def test_a_command_used_wrongly_says_so_in_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    refused(oshwatch(*arguments, directory=tmp_path))


def test_a_demo_does_not_take_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    refused(oshwatch("demo", "--data", str(tmp_path), directory=tmp_path), "--data")
    assert (tmp_path / "precious").exists()


def test_a_factory_centre_has_no_inspectors(tmp_path: Path) -> None:
    refused(oshwatch("user", "add", "inspector-1", "--role", "inspector", "--scope", "*", directory=tmp_path, OSHWATCH_OPERATOR="factory"), "administration")


@pytest.mark.slow
@pytest.mark.server("mosquitto")
def test_a_wrong_token_is_401_and_a_foreign_site_404(mosquitto: Any, make_centre: Callable[..., Any], tmp_path: Path) -> None:
    centre = make_centre(mosquitto.url)
    for site in ("f1", "f2"):
        file = tmp_path / f"{site}.yaml"
        file.write_text(yaml.safe_dump({**GOOD_SITE, "site": {**GOOD_SITE["site"], "id": site}, "agents": []}, sort_keys=False))  # type: ignore[dict-item]
        centre.command("registry", "import", str(file))
    own = centre.api(scope="f1")
    centre.start("console")
    centre.wait_until_listening()
    assert own.ask("GET", "sites/f1")[0] == 200
    for path in ("sites/f2", "sites/f2/zones", "sites/f2/exposures", "zones/f2.hall/now", "zones/f2.hall/channels", "sites/nowhere"):
        assert own.ask("GET", path)[0] == 404, path
    assert [site["id"] for site in own.get("sites")["items"]] == ["f1"]
    stranger = type(own)(own.url, "osh_wrong")
    for path in ("sites", "alerts", "agents", "quarantine", "live"):
        status, body = stranger.ask("GET", path)
        assert status == 401, path
        assert body["status"] == 401, path
    anonymous = type(own)(own.url, "")
    assert anonymous.ask("GET", "/healthz")[0] == 200
    assert anonymous.ask("GET", "sites")[0] == 401
