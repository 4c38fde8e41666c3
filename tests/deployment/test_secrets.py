"""scripts/make-secrets: everything is drawn at random, kept from others, and stays what it is when run again."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRAWN = ("mqtt__centre", "mqtt_agent-1", "influxdb_admin_password", "influxdb_admin_token", "influxdb_grafana_password", "grafana_admin_password")


@pytest.fixture(scope="module")
def drawn(make_secrets) -> Path:
    return make_secrets("--agent", "agent-1", "--broker-name", "broker.factory.example", "--broker-name", "192.0.2.7")


def test_every_secret_is_random_and_differs(drawn: Path, make_secrets) -> None:
    other = make_secrets("--agent", "agent-1")
    values = [(folder / name).read_text() for folder in (drawn, other) for name in DRAWN]
    assert len(set(values)) == 2 * len(DRAWN)
    assert min(map(len, values)) >= 32


def test_others_cannot_enter_the_folder_and_only_its_owner_reads_the_authoritys_key(drawn: Path) -> None:
    assert stat.S_IMODE(drawn.stat().st_mode) == 0o700
    assert stat.S_IMODE((drawn / "ca.key").stat().st_mode) == 0o600


def test_a_second_run_keeps_everything_and_adds_an_agent(make_secrets) -> None:
    folder = make_secrets("--agent", "agent-1")
    names = [*DRAWN, "ca.crt", "ca.key", "broker.crt", "broker.key"]
    before = {name: (folder / name).read_bytes() for name in names}
    make_secrets("--agent", "agent-2", into=folder)
    assert {name: (folder / name).read_bytes() for name in names} == before
    assert sorted(line.partition(":")[0] for line in (folder / "broker_passwords").read_text().splitlines()) == ["_centre", "agent-1", "agent-2"]


def test_the_password_file_holds_no_password(drawn: Path) -> None:
    text = (drawn / "broker_passwords").read_text()
    assert re.fullmatch(r"(?:[\w-]+:\$7\$\d+\$[\w+/=]+\$[\w+/=]+\n)+", text)
    assert (drawn / "mqtt_agent-1").read_text() not in text


def test_the_brokers_certificate_is_of_the_authority_and_names_where_agents_find_it(drawn: Path) -> None:
    verified = subprocess.run(["openssl", "verify", "-CAfile", drawn / "ca.crt", "-purpose", "sslserver", drawn / "broker.crt"], capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stderr
    shown = subprocess.run(["openssl", "x509", "-in", drawn / "broker.crt", "-noout", "-ext", "subjectAltName"], capture_output=True, text=True, check=True).stdout
    for name in ("DNS:broker", "DNS:broker.factory.example", "IP Address:192.0.2.7"):
        assert name in shown


def test_new_names_of_the_broker_make_a_new_certificate_of_the_same_authority(make_secrets) -> None:
    folder = make_secrets()
    before, authority = (folder / "broker.crt").read_bytes(), (folder / "ca.crt").read_bytes()
    make_secrets("--broker-name", "elsewhere.example", into=folder)
    assert (folder / "broker.crt").read_bytes() != before
    assert (folder / "ca.crt").read_bytes() == authority


def test_secrets_are_kept_out_of_git_and_of_images() -> None:
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert not any("secrets" in line for line in ignored if line.startswith("!"))
