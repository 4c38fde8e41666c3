"""Settings of contract 2: environment variables `OSHWATCH_*`, the same names in a TOML file, secrets also as `*_FILE` paths."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from domain.clock import Clock, clock_from_text
from domain.errors import BadInput
from domain.topics import SHARDS

PREFIX = "OSHWATCH_"
SECRETS = frozenset({"OSHWATCH_MQTT_PASSWORD", "OSHWATCH_INFLUXDB_TOKEN", "OSHWATCH_INFLUXDB_TO_TOKEN", "OSHWATCH_SMTP_URL", "OSHWATCH_DATABASE_URL", "OSHWATCH_WATCHDOG_URL"})

DOCUMENTED: Mapping[str, str] = {
    "OSHWATCH_MQTT_URL": "the broker, `mqtt://host:1883` or `mqtts://user@host:8883`",
    "OSHWATCH_MQTT_PASSWORD": "the broker user's password",
    "OSHWATCH_MQTT_CA_FILE": "certificate authority of the broker",
    "OSHWATCH_MQTT_CERT_FILE": "client certificate",
    "OSHWATCH_MQTT_KEY_FILE": "its key",
    "OSHWATCH_TIMESERIES_URL": "`sqlite:///DIR`, or `influxdb://host:8086?org=O&bucket=B` (`influxdb+https://` for TLS); `influxdb1://` and `victoriametrics://`: docs/settings.md",
    "OSHWATCH_INFLUXDB_TOKEN": "token of InfluxDB 2 (`user:password` of InfluxDB 1)",
    "OSHWATCH_INFLUXDB_TO_TOKEN": "token of the store that `oshwatch timeseries copy --to` names, where it is another",
    "OSHWATCH_DATABASE_URL": "`sqlite:///DIR/oshwatch.db` or `postgresql+psycopg://...`",
    "OSHWATCH_DATA_DIR": "where keys, spools and caches are kept",
    "OSHWATCH_LISTEN": "host:port that the console listens on",
    "OSHWATCH_CONSOLE_URL": "public URL of the console, used in links and cookies",
    "OSHWATCH_SMTP_URL": "`smtp://user:password@host:587?from=osh@example.org` (`smtps://` for TLS from the first byte)",
    "OSHWATCH_NOTIFY_FILE": "YAML file of the other ways to reach people: gateways, webhooks, siren (docs/notifications.md)",
    "OSHWATCH_WATCHDOG_URL": "called every minute while alerting lives; its owner raises the alarm when the calls stop",
    "OSHWATCH_WATCHDOG_MAIL": "addresses, separated by commas, that are written to when alerting is dead, beside the people of the centre",
    "OSHWATCH_OPERATOR": "whose centre this is: `factory` or `administration`",
    "OSHWATCH_INGEST_WORKERS": "how many ingest workers share the agents in the whole installation (default 1; more need PostgreSQL and a store that is a server)",
    "OSHWATCH_INGEST_SLOTS": "into how many slots the agents are divided among several workers, the same for all of them (default 8, at most 64)",
    "OSHWATCH_INGEST_WORKER": "name of this worker where there are several (default: host name and process id)",
    "OSHWATCH_SCENARIO_CLOCK": "set by the demo for its own parts: scenario time",
    "OSHWATCH_DEMO": "set by the demo for its own parts: `1`; /readyz then waits for the first reading of a device",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `serve` and the tools run with."""

    mqtt_url: str = "mqtt://127.0.0.1:1883"
    mqtt_password: str = field(default="", repr=False)
    mqtt_ca_file: str = ""
    mqtt_cert_file: str = ""
    mqtt_key_file: str = ""
    timeseries_url: str = ""
    influxdb_token: str = field(default="", repr=False)
    influxdb_to_token: str = field(default="", repr=False)
    database_url: str = field(default="", repr=False)
    data_dir: Path = Path("oshwatch-data")
    listen: str = ""
    console_url: str = "http://127.0.0.1:8080"
    smtp_url: str = field(default="", repr=False)
    notify_file: str = ""
    watchdog_url: str = field(default="", repr=False)
    watchdog_mail: str = ""
    operator: Literal["factory", "administration"] = "factory"
    ingest_workers: int = 1
    ingest_slots: int = 8
    ingest_worker: str = ""
    scenario_clock: str = ""
    is_demo: bool = False

    @property
    def clock(self) -> Clock:
        return clock_from_text(self.scenario_clock)

    @property
    def listen_address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def load_settings(environment: Mapping[str, str] | None = None, config: Path | None = None) -> Settings:
    """Settings from a TOML file (where given) and the environment, which wins; raises `BadInput` naming what is wrong, and its line where it stands in the file."""
    given = _from_file(config) if config else {}
    surrounding = {name: value for name, value in (os.environ if environment is None else environment).items() if name.startswith(PREFIX)}
    try:
        return _settings_of({**given, **surrounding})
    except BadInput as error:
        if config and error.field in given and error.field not in surrounding:
            raise BadInput(error.message, source=str(config), line=_line_of(config, error.field), field=error.field, remedy=error.remedy) from None
        raise


def _settings_of(given: dict[str, str]) -> Settings:
    given = _read_secret_files(given)
    unknown = sorted(given.keys() - DOCUMENTED.keys())
    if unknown:
        raise BadInput("no such setting", field=unknown[0], remedy="known: " + ", ".join(sorted(DOCUMENTED)))
    values: dict[str, Any] = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
    data_dir = Path(values.pop("data_dir", "oshwatch-data")).absolute()
    is_demo = values.pop("demo", "") == "1"
    for name, least, most in (("ingest_workers", 1, SHARDS), ("ingest_slots", 1, SHARDS)):
        if name in values:
            values[name] = _whole(f"{PREFIX}{name.upper()}", values[name], least, most)
    settings = Settings(data_dir=data_dir, is_demo=is_demo, **values)
    return _checked(settings)


def _line_of(config: Path, name: str) -> int | None:
    lines = config.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line)), None)


def _from_file(path: Path) -> dict[str, str]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(path), remedy="check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not TOML: {error}", source=str(path), remedy='write NAME = "value"') from None
    for name, value in content.items():
        if not isinstance(value, str):
            raise BadInput("must be text in quotes", source=str(path), line=_line_of(path, name), field=name, remedy=f'{name} = "..."')
    return content


def _read_secret_files(given: dict[str, str]) -> dict[str, str]:
    result = dict(given)
    for name in SECRETS:
        path = result.pop(f"{name}_FILE", None)
        if path is None:
            continue
        if name in result:
            raise BadInput(f"given both as {name} and as a file", field=f"{name}_FILE", remedy="leave one out")
        try:
            result[name] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror}", field=f"{name}_FILE", remedy="check the path and its permissions") from None
    return result


def _checked(settings: Settings) -> Settings:
    _scheme("OSHWATCH_MQTT_URL", settings.mqtt_url, ("mqtt", "mqtts"))
    console = _scheme("OSHWATCH_CONSOLE_URL", settings.console_url, ("http", "https"))
    timeseries = settings.timeseries_url or f"sqlite:///{settings.data_dir}/timeseries"
    _scheme("OSHWATCH_TIMESERIES_URL", timeseries, ("sqlite", *(f"{name}{tls}" for name in ("influxdb", "influxdb1", "victoriametrics") for tls in ("", "+https"))))
    database = settings.database_url or f"sqlite:///{settings.data_dir}/oshwatch.db"
    _scheme("OSHWATCH_DATABASE_URL", database, ("sqlite", "postgresql+psycopg"))
    if settings.smtp_url:
        _scheme("OSHWATCH_SMTP_URL", settings.smtp_url, ("smtp", "smtps"))
    if settings.watchdog_url:
        _scheme("OSHWATCH_WATCHDOG_URL", settings.watchdog_url, ("https", "http"))
    if any("@" not in address for address in settings.watchdog_mail.split(",") if settings.watchdog_mail):
        raise BadInput("an address has no @", field="OSHWATCH_WATCHDOG_MAIL", remedy="safety@example.org,plant@example.org")
    if settings.operator not in ("factory", "administration"):
        raise BadInput(f"'{settings.operator}' is neither factory nor administration", field="OSHWATCH_OPERATOR", remedy="say whose centre this is")
    listen = settings.listen or f"{console.hostname}:{console.port or (443 if console.scheme == 'https' else 80)}"
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise BadInput(f"'{listen}' is not host:port", field="OSHWATCH_LISTEN", remedy="for example 127.0.0.1:8080")
    clock_from_text(settings.scenario_clock)
    settings = replace(settings, timeseries_url=timeseries, database_url=database, listen=listen)
    _check_workers(settings)
    return settings


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise BadInput(f"'{text}' is no whole number from {least} to {most}", field=name, remedy=f"for example {most // 8}")
    return int(text)


def _check_workers(settings: Settings) -> None:
    """The embedded stores have one writer each: the minute book and the ledger of a second worker would wait for the first, or contradict it."""
    if settings.ingest_workers > settings.ingest_slots:
        raise BadInput(f"{settings.ingest_workers} workers and {settings.ingest_slots} slots", field="OSHWATCH_INGEST_SLOTS", remedy="at least one slot a worker")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{0,64}", settings.ingest_worker):
        raise BadInput(f"'{settings.ingest_worker}' is no name", field="OSHWATCH_INGEST_WORKER", remedy="letters, digits, dots, - and _, at most 64")
    if settings.ingest_workers == 1:
        return
    for name, url, server in (
        ("OSHWATCH_TIMESERIES_URL", settings.timeseries_url, "influxdb://host:8086?org=O&bucket=B"),
        ("OSHWATCH_DATABASE_URL", settings.database_url, "postgresql+psycopg://user@host/name"),
    ):
        if url.startswith("sqlite"):
            raise BadInput("several ingest workers need databases that are servers, and this one is embedded", field=name, remedy=f"{server}, or OSHWATCH_INGEST_WORKERS=1")


def _scheme(name: str, url: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise BadInput(f"{error}", field=name, remedy=f"an URL with {' or '.join(schemes)}") from None
    if parts.scheme not in schemes:
        raise BadInput(f"scheme '{parts.scheme}' is not one of {', '.join(schemes)}", field=name, remedy=f"for example {schemes[0]}://host")
    return parts
