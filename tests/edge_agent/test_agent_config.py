"""The agent's config: good ones load, bad ones are refused with file, line and field; what is published matches the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.errors import BadInput
from edge_agent.config import load_config
from edge_agent.drivers.registry import DRIVERS
from edge_agent.schemas import schemas, text_of

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
agent: agent-7
data_dir: data
mqtt: {url: "mqtt://127.0.0.1:1883"}
sensors:
  - {id: dust-1, driver: plantower, port: /dev/serial/by-id/usb-1, placement: cutting-1, interval_s: 10}
  - {id: co2-1, driver: mh_z19, port: /dev/serial/by-id/usb-2, placement: cutting-1, interval_s: 10}
  - {id: line-3, driver: modbus, port: /dev/serial/by-id/usb-3, baud: 9600, parity: N, interval_s: 5,
     devices: [{unit: 7, profile: heat-station, placement: ironing-1},
               {unit: 8, profile: sound-level-meter, placement: sewing-2}]}
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "agent.yaml"
    path.write_text(text)
    return path


def test_the_contracts_config_loads(tmp_path: Path) -> None:
    loaded = load_config(write(tmp_path, GOOD))
    assert loaded.data_dir == tmp_path / "data"
    assert list(loaded.destinations) == ["home"]
    assert loaded.digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("driver: plantower", "driver: plantover", ":5: sensors[0].driver: there is no driver 'plantover' (known are plantower, mh_z19, modbus)"),
        ("driver: mh_z19, ", "", ":6: sensors[1].driver: is missing"),
        ("interval_s: 10", "interval_s: 0", ":5: sensors[0].interval_s:"),
        ("interval_s: 5", "interval_s: soon", ":7: sensors[2].interval_s:"),
        ("parity: N", "parity: X", ":7: sensors[2].parity:"),
        ("id: co2-1", "id: dust-1", ":6: sensors[1].id: 'dust-1' is given twice"),
        ("usb-2", "usb-1", ":6: sensors[1].port: '/dev/serial/by-id/usb-1' already belongs to 'dust-1'"),
        ("heat-station", "heat", ":7: sensors[2].devices: there is no profile 'heat'"),
        ("unit: 8", "unit: 7", ":9: sensors[2].devices[1].unit: unit 7 is given twice"),
        ("unit: 8", "unit: 248", ":9: sensors[2].devices[1].unit:"),
        ("sound-level-meter, placement: sewing-2", "heat-station, placement: ironing-1", ":7: sensors[2].placement: the channel agent-7.ironing-1.air_temperature already belongs"),
        ("mqtt://127", "http://127", ":3: mqtt.url: 'http://127.0.0.1:1883' is no broker's URL"),
        ("mqtt://127", "mqtt://agent:secret@127", ":3: mqtt.url: a password does not belong in the config"),
        ('{url: "mqtt://127.0.0.1:1883"}', "[]", ":3: mqtt: names no broker"),
        ("agent: agent-7", "agent: Agent 7", ":1: agent:"),
        ("placement: cutting-1, interval_s: 10}", "placement: cutting-1, intervall_s: 10}", ":5: sensors[0].intervall_s: unknown field"),
        ("data_dir: data\n", "", "Object missing required field `data_dir`"),
        ("sensors:\n", "sensors: 3\nmore:\n", ":4: sensors:"),
        ("agent: agent-7", "agent: [", "mend the YAML there"),
    ],
)
def test_a_bad_config_is_refused_with_line_and_field(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as refused:
        load_config(write(tmp_path, GOOD.replace(old, new, 1)))
    assert str(refused.value).startswith(str(tmp_path / "agent.yaml"))
    assert expected in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file"):
        load_config(tmp_path / "none.yaml")


def test_two_names_of_one_port_are_one_port(tmp_path: Path) -> None:
    (tmp_path / "tty0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "tty0")
    text = GOOD.replace("/dev/serial/by-id/usb-1", str(tmp_path / "tty0")).replace("/dev/serial/by-id/usb-2", str(tmp_path / "by-id"))
    with pytest.raises(BadInput, match="already belongs to 'dust-1'"):
        load_config(write(tmp_path, text))


def test_destinations_have_names_of_their_own(tmp_path: Path) -> None:
    two = '[{url: "mqtt://a:1883"}, {url: "mqtts://b"}, {name: third, url: "mqtt://b"}]'
    assert list(load_config(write(tmp_path, GOOD.replace('{url: "mqtt://127.0.0.1:1883"}', two))).destinations) == ["home", "b", "third"]
    with pytest.raises(BadInput, match=r"mqtt\[2\]: 'b' is given twice"):
        load_config(write(tmp_path, GOOD.replace('{url: "mqtt://127.0.0.1:1883"}', two.replace("name: third, ", ""))))


def test_files_that_enrolment_brings_may_still_be_missing(tmp_path: Path) -> None:
    loaded = load_config(write(tmp_path, GOOD.replace('1883"}', '1883", ca_file: ca.pem}')))
    assert loaded.missing_files() == ["mqtt 'home': ca_file 'ca.pem' is not there yet"]
    (tmp_path / "ca.pem").touch()
    assert loaded.missing_files() == []


@pytest.mark.check
@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("edge_agent/drivers/*/sample.yaml")), *(ROOT / "firmware_configs/agent" / name for name in ("agent.yaml", "two-centres.yaml"))], ids=str
)
def test_every_sample_config_is_valid(path: Path) -> None:
    load_config(path)


@pytest.mark.check
@pytest.mark.parametrize("name", sorted(schemas()))
def test_the_published_schema_is_what_the_code_reads(name: str) -> None:
    assert (ROOT / "firmware_configs/agent" / name).read_text() == text_of(schemas()[name]), "write it anew: python -m edge_agent.schemas firmware_configs/agent"


@pytest.mark.check
@pytest.mark.parametrize("driver", DRIVERS)
def test_every_driver_has_a_readme_that_names_all_its_options(driver: str) -> None:
    schema = json.dumps(schemas()["agent.schema.json"])
    assert f'"{driver}"' in schema
    folder = ROOT / "edge_agent/drivers" / driver
    readme = (folder / "README.md").read_text()
    title = {"plantower": "PlantowerOptions", "mh_z19": "MhZ19Options", "modbus": "ModbusOptions"}[driver]
    options = set(schemas()["agent.schema.json"]["$defs"][title]["properties"]) - {"driver", "id"}
    assert {option for option in options if f"`{option}`" not in readme} == set()
    assert (folder / "sample.yaml").exists()
