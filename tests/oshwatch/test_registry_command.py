"""What `oshwatch registry export` prints can be imported again and says the same."""

from __future__ import annotations

import msgspec
import pytest
import yaml

from domain.registry import CalibrationSpec, SiteFile, SiteSpec, Workers, ZoneSpec
from domain.sitefile import parse_site_file
from oshwatch.commands.registry import _compact


@pytest.mark.parametrize("workers", [Workers(women=0, men=7), Workers(women=12, men=0, newcomers=0), None])
def test_a_zero_is_not_left_out(workers) -> None:
    zone = ZoneSpec(id="z1", name="Boiler room", workers=workers, newcomers=0, worst_case={"co": 0.0})
    file = SiteFile(site=SiteSpec(id="f1", name="Factory", timezone="Asia/Ho_Chi_Minh", country="VN"), zones=[zone])
    assert parse_site_file(yaml.safe_dump(_compact(msgspec.to_builtins(file))), "f1.yaml") == file


def test_a_failed_check_stays_failed() -> None:
    failed = CalibrationSpec(id="c1", channel="a1.p1.co", type="bump", performed_at="2026-11-01", by="lab", passed=False)
    assert _compact(msgspec.to_builtins(failed))["pass"] is False
