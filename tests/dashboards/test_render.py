"""Provisioning files: reproducible, without secrets, and the ones in the project are those that the code writes."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from dashboards.render import DATASOURCE_UID, MOUNTED_AT, files, render

GOLDEN = Path(__file__).parents[2] / "dashboards" / "provisioning"


def test_rendered_files_equal_those_in_the_project() -> None:
    """After a change of dashboards/*.py: `oshwatch grafana render --out dashboards/provisioning`."""
    stored = {str(path.relative_to(GOLDEN)): path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*") if path.is_file()}
    assert dict(files()) == stored


def test_render_writes_every_file_and_says_which(tmp_path: Path) -> None:
    written = render(tmp_path)
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert {path.suffix for path in written} == {".yaml", ".json"}


def test_the_password_stands_in_no_file_but_is_read_from_a_secret(tmp_path: Path) -> None:
    render(tmp_path)
    [source] = yaml.safe_load((tmp_path / "datasources" / "oshwatch.yaml").read_text())["datasources"]
    assert source["uid"] == DATASOURCE_UID
    assert source["basicAuthUser"] == "grafana"
    assert source["secureJsonData"] == {"basicAuthPassword": "$__file{/run/secrets/influxdb_grafana_password}"}


def test_the_provider_points_at_the_folder_in_which_the_dashboards_lie(tmp_path: Path) -> None:
    render(tmp_path)
    [provider] = yaml.safe_load((tmp_path / "dashboards" / "oshwatch.yaml").read_text())["providers"]
    folder = tmp_path / Path(provider["options"]["path"]).relative_to(MOUNTED_AT)
    assert [json.loads(path.read_text())["uid"] for path in folder.iterdir()] == ["oshwatch-floor"]
