"""Settings: an unknown or malformed one stops the start with a message that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import BadInput
from oshwatch.settings import load_settings


def test_defaults_work_on_one_machine() -> None:
    settings = load_settings({"OSHWATCH_DATA_DIR": "/srv/osh"})
    assert (settings.timeseries_url, settings.database_url) == ("sqlite:////srv/osh/timeseries", "sqlite:////srv/osh/oshwatch.db")
    assert settings.listen_address == ("127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OSHWATCH_MQTTURL", "mqtt://x"),
        ("OSHWATCH_MQTT_URL", "http://x"),
        ("OSHWATCH_MQTT_URL", "mqtt://x:port"),
        ("OSHWATCH_TIMESERIES_URL", "postgres://x"),
        ("OSHWATCH_OPERATOR", "employer"),
        ("OSHWATCH_LISTEN", "8080"),
        ("OSHWATCH_SCENARIO_CLOCK", "1,2"),
        ("OSHWATCH_SMTP_URL", "mail.example.org"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_settings({name: value})
    assert caught.value.field == name
    assert caught.value.remedy


def test_the_environment_wins_over_the_file_and_secrets_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    config = tmp_path / "oshwatch.toml"
    config.write_text(f'OSHWATCH_OPERATOR = "factory"\nOSHWATCH_INFLUXDB_TOKEN_FILE = "{tmp_path / "token"}"\n')
    settings = load_settings({"OSHWATCH_OPERATOR": "administration"}, config)
    assert (settings.operator, settings.influxdb_token) == ("administration", "secret")
    assert "secret" not in repr(settings)


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="both"):
        load_settings({"OSHWATCH_SMTP_URL": "smtp://x", "OSHWATCH_SMTP_URL_FILE": str(tmp_path)})


def test_a_config_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        load_settings({}, tmp_path / "no.toml")
    assert caught.value.source.endswith("no.toml")


@pytest.mark.parametrize("text", ["http://x", 8080, "mqtt://x:port"])
def test_what_is_wrong_in_a_config_file_is_named_with_its_line(text: str | int, tmp_path: Path) -> None:
    config = tmp_path / "oshwatch.toml"
    config.write_text(f"# settings\nOSHWATCH_OPERATOR = 'factory'\nOSHWATCH_MQTT_URL = {text!r}\n")
    with pytest.raises(BadInput) as caught:
        load_settings({}, config)
    assert (caught.value.source, caught.value.line, caught.value.field) == (str(config), 3, "OSHWATCH_MQTT_URL")


def test_a_setting_that_nobody_knows_is_named_with_its_line(tmp_path: Path) -> None:
    config = tmp_path / "oshwatch.toml"
    config.write_text("OSHWATCH_OPERATOR = 'factory'\nOSHWATCH_PORT = '8080'\n")
    with pytest.raises(BadInput, match=r"oshwatch\.toml:2: OSHWATCH_PORT: no such setting"):
        load_settings({}, config)


def test_several_ingest_workers_need_databases_that_are_servers() -> None:
    shared = {"OSHWATCH_INGEST_WORKERS": "2"}
    influx = {"OSHWATCH_TIMESERIES_URL": "influxdb://127.0.0.1:8086?org=o&bucket=b"}
    postgres = {"OSHWATCH_DATABASE_URL": "postgresql+psycopg://test@127.0.0.1/oshwatch"}
    for given, named in ((shared, "OSHWATCH_TIMESERIES_URL"), (shared | influx, "OSHWATCH_DATABASE_URL")):
        with pytest.raises(BadInput, match="embedded") as refused:
            load_settings(given)
        assert refused.value.field == named
    assert load_settings(shared | influx | postgres).ingest_workers == 2
    for wrong in ("0", "two", "65"):
        with pytest.raises(BadInput):
            load_settings({"OSHWATCH_INGEST_WORKERS": wrong})
