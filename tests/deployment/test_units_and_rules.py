"""systemd units, udev rules and the ESPHome node: checked by their own tools where these are here, by their text everywhere."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "firmware_configs"
UNITS = sorted((CONFIGS / "systemd").glob("*.service"))
EXPOSURE_MAX = 20  # tenths, as `systemd-analyze security` counts: 2.0 is "OK"
HARDENING = {"NoNewPrivileges": "true", "ProtectSystem": "strict", "ProtectHome": "true", "PrivateTmp": "true", "CapabilityBoundingSet": "", "UMask": "0077"}


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_restarts_for_ever_as_a_user_without_rights(path: Path) -> None:
    parsed = unit(path)
    service = parsed["Service"]
    assert service["Restart"] == "always"
    assert parsed["Unit"]["StartLimitIntervalSec"] == "0"
    assert service["User"] == path.stem
    assert {name: service.get(name) for name in HARDENING} == HARDENING
    assert parsed["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_gives_its_program_longer_to_end_than_the_program_takes(path: Path) -> None:
    from oshwatch.supervise import STOP_WITHIN_S

    assert float(unit(path)["Service"]["TimeoutStopSec"]) > STOP_WITHIN_S


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_holds_no_secret(path: Path) -> None:
    given = re.findall(r"^Environment=(\w+)=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name, value in given if re.search(r"PASSWORD|TOKEN|SMTP", name) and not (name.endswith("_FILE") and value.startswith("%d/"))] == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong_with_a_unit(path: Path, tool, tmp_path: Path) -> None:
    """With the program's path replaced: it is not installed here."""
    analyze = tool("systemd-analyze", "apt-get install systemd")
    copy = tmp_path / path.name
    copy.write_text(re.sub(r"/opt/oshwatch/bin/[\w-]+", shutil.which("true") or "/bin/true", path.read_text(encoding="utf-8")))
    done = subprocess.run([analyze, "verify", "--man=no", copy], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_well_confined(path: Path, tool) -> None:
    analyze = tool("systemd-analyze", "apt-get install systemd")
    done = subprocess.run([analyze, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-400:]


def test_udev_rules_are_well_formed() -> None:
    assignment = re.compile(r'[A-Z]+(?:\{[\w/]+\})?\s*(?:==|!=|\+=|:=|=)\s*"[^"]*"')
    for number, line in enumerate((CONFIGS / "udev" / "99-oshwatch.rules").read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            parts = [part.strip() for part in line.split(", ")]
            assert all(assignment.fullmatch(part) for part in parts), f"line {number}: {line}"
            assert any("==" in part for part in parts), f"line {number} matches every device"


class _Loader(yaml.SafeLoader):
    """YAML as ESPHome writes it: `!lambda`, `!secret` and the like are kept as text."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix} {node.value}")
NODE = CONFIGS / "esphome" / "heat-node.yaml"


def node() -> dict:
    return yaml.load(NODE.read_text(encoding="utf-8"), _Loader)


def test_the_heat_node_answers_exactly_the_registers_of_its_profile() -> None:
    from edge_agent.drivers.modbus.profile import load_profile

    profile = load_profile("./heat-node.profile.yaml", NODE.parent)
    wire = {"s16": "S_WORD", "u16": "U_WORD"}
    [server] = node()["modbus_server"]
    answered = {register["address"]: (register["value_type"], register["read_lambda"]) for register in server["registers"]}
    assert {address: kind for address, (kind, _) in answered.items()} == {register.address: wire[register.type] for register in profile.registers}
    for register in profile.registers:
        code = answered[register.address][1]
        assert f"id({register.quantity})" in code, "the register is not filled from the sensor of that name"
        assert f"* {1 / register.scale:.1f}f" in code
        assert {int(text, 16) for text in re.findall(r"0x[0-9A-F]+", code)} == set(register.invalid)


def test_the_heat_node_stays_on_its_wire() -> None:
    """No radio, no cloud, no remote code: what it measures leaves only over RS-485."""
    assert {"wifi", "ethernet", "api", "mqtt", "ota", "web_server", "packages", "external_components"} & set(node()) == set()


def test_no_sensor_of_the_heat_node_leaves_an_old_value_behind() -> None:
    entries = [*(sensor[part] for sensor in node()["sensor"] for part in ("temperature", "humidity") if part in sensor), *(s for s in node()["sensor"] if "id" in s)]
    assert len(entries) == 3
    for sensor in entries:
        assert any("timeout" in rule for rule in sensor["filters"]), sensor["id"]


def test_esphome_accepts_the_heat_node(tmp_path: Path) -> None:
    """Only where the extra `firmware` is installed: it is large, and no part of CI."""
    program = shutil.which("esphome")
    if program is None:
        pytest.skip("esphome is not installed (pip install 'oshwatch[firmware]')")
    shutil.copy(NODE, tmp_path)
    done = subprocess.run([program, "config", NODE.name], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "Configuration is valid!" in done.stderr
