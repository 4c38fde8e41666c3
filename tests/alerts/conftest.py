"""A records database with one small factory in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.registry import SiteFile
from domain.yamltext import parse_yaml
from oshwatch.testing import FakeClock
from storage.records.engine import open_records
from storage.records.registry import RegistryRepository

FACTORY = """
site: {id: f1, name: Sunrise Garments, timezone: Asia/Ho_Chi_Minh, country: VN, profiles: [us-niosh]}
shifts: [{name: A, start: "07:00", stop: "16:00", breaks: [["11:30", "12:15"]]}]
zones:
  - {id: ironing-1, name: Ironing line 1, metabolic_rate_w: 300}
  - {id: gluing-1, name: Gluing bench 1, metabolic_rate_w: 180}
agents:
  - id: agent-7
    channels:
      - {placement: ironing-1, quantity: air_temperature, zone: ironing-1, interval_s: 10}
      - {placement: ironing-1, quantity: co, zone: ironing-1, interval_s: 10}
      - {placement: ironing-1, quantity: sound_level_c_peak, zone: ironing-1, interval_s: 10}
      - {placement: ironing-1, quantity: pm2_5, zone: ironing-1, interval_s: 10}
  - id: agent-8
    channels:
      - {placement: gluing-1, quantity: co2, zone: gluing-1, interval_s: 10}
      - {placement: gluing-1, quantity: tvoc_isobutylene, zone: gluing-1, interval_s: 10}
"""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine(tmp_path: Path, clock: FakeClock) -> Iterator[Engine]:
    engine = open_records(f"sqlite:///{tmp_path}/oshwatch.db")
    file = parse_yaml(FACTORY, SiteFile, source="factory.yaml")
    RegistryRepository(engine).import_file(file, valid_from_us=None, author="test", reason="test", now_us=clock.now_us())
    yield engine
    engine.dispose()
