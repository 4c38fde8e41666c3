"""The end of a certificate's validity, from certificates that openssl makes."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.times import from_datetime
from edge_agent.certificate import not_after_us


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")
@pytest.mark.parametrize("days", [10, 40_000])
def test_the_end_of_validity_is_read_in_both_forms_of_time(tmp_path: Path, days: int) -> None:
    certificate = tmp_path / "agent.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days), "-subj", "/CN=agent-7"]
    subprocess.run([*command, "-keyout", str(tmp_path / "agent.key"), "-out", str(certificate)], check=True, capture_output=True)
    told = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-in", str(certificate)], check=True, capture_output=True, text=True).stdout
    expected = datetime.strptime(told.strip().partition("=")[2], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    assert not_after_us(certificate) == from_datetime(expected)


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n", "é"])
def test_what_is_no_certificate_has_no_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.pem").write_text(text)
    assert not_after_us(tmp_path / "x.pem") is None
    assert not_after_us(tmp_path / "none.pem") is None
