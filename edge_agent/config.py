"""The agent's config file (contract 5): YAML into structs, with every error naming file, line and field. Its JSON Schema is firmware_configs/agent/agent.schema.json."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from domain.errors import BadInput
from domain.ids import channel_id
from domain.yamltext import line_of, parse_yaml
from edge_agent.drivers.base import Id
from edge_agent.drivers.modbus.driver import ModbusOptions
from edge_agent.drivers.registry import DRIVERS, Sensor, channels_of

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Destination(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A centre's broker. `name` keeps its place in the outbox when the URL changes."""

    url: Annotated[str, msgspec.Meta(description="mqtt://host:1883 or mqtts://host:8883")]
    name: Id | None = None
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class ClockOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`trusted`: the host's clock is kept right by other means than this kernel can tell."""

    trusted: bool = False


class OutboxOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may wait, and how long what is acknowledged is kept for `resend`."""

    max_mb: Annotated[float, msgspec.Meta(ge=1)] = 512.0
    keep_hours: Annotated[float, msgspec.Meta(ge=0)] = 72.0


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One agent. The first destination of `mqtt` is home: only its commands change the agent."""

    agent: Id
    data_dir: Annotated[str, msgspec.Meta(min_length=1)]
    mqtt: Destination | list[Destination]
    sensors: list[Sensor]
    clock: ClockOptions = ClockOptions()
    outbox: OutboxOptions = OutboxOptions()


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A config that has passed every check, with paths made absolute."""

    config: AgentConfig
    folder: Path
    digest: str
    destinations: dict[str, Destination]

    @property
    def data_dir(self) -> Path:
        return self.folder / self.config.data_dir

    def path(self, name: str) -> Path | None:
        """A file named in the config, relative to it."""
        return self.folder / name if name else None

    def missing_files(self) -> list[str]:
        """Files of the destinations that are not there yet: enrolment brings them, and the agent waits for them."""
        return [
            f"mqtt '{name}': {option} '{given}' is not there yet"
            for name, destination in self.destinations.items()
            for option in ("ca_file", "cert_file", "key_file", "password_file")
            if (given := getattr(destination, option)) and not (self.folder / given).is_file()
        ]


def load_config(path: Path) -> Loaded:
    """Read and check a config; raises BadInput."""
    try:
        data = path.read_bytes()
        text = data.decode()
    except FileNotFoundError:
        raise BadInput("there is no such file", source=str(path), remedy="give the agent's config with --config") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"it cannot be read: {error}", source=str(path), remedy="save it as UTF-8 text that this user may read") from None
    source = str(path)
    _check_drivers(text, source)
    config = parse_yaml(text, AgentConfig, source=source)
    folder = path.absolute().parent
    destinations = _destinations(config, text, source)
    _check_ports(config, text, source)
    _check_channels(config, text, source, folder)
    return Loaded(config=config, folder=folder, digest=f"sha256:{hashlib.sha256(data).hexdigest()}", destinations=destinations)


def _check_drivers(text: str, source: str) -> None:
    """Before the structs are filled, so that the message can list what exists."""
    document = parse_yaml(text, Any, source=source)
    sensors = document.get("sensors") if isinstance(document, dict) else None
    for index, sensor in enumerate(sensors if isinstance(sensors, list) else []):
        driver = sensor.get("driver") if isinstance(sensor, dict) else None
        if isinstance(sensor, dict) and driver not in DRIVERS:
            where = line_of(text, "sensors", index, "driver")
            message = "is missing" if driver is None else f"there is no driver '{driver}'"
            raise BadInput(message, source=source, line=where, field=f"sensors[{index}].driver", remedy=f"known are {', '.join(DRIVERS)}")


def _destinations(config: AgentConfig, text: str, source: str) -> dict[str, Destination]:
    is_list = isinstance(config.mqtt, list)
    given = config.mqtt if isinstance(config.mqtt, list) else [config.mqtt]
    if not given:
        raise BadInput("names no broker", source=source, line=line_of(text, "mqtt"), field="mqtt", remedy="write mqtt: {url: 'mqtt://host:1883'}")
    named: dict[str, Destination] = {}
    for index, destination in enumerate(given):
        steps: tuple[str | int, ...] = ("mqtt", index) if is_list else ("mqtt",)
        field = f"mqtt[{index}]" if is_list else "mqtt"
        _check_url(destination.url, source, line_of(text, *steps, "url"), f"{field}.url")
        name = destination.name or ("home" if index == 0 else f"{urlsplit(destination.url).hostname}")
        if name in named:
            raise BadInput(f"'{name}' is given twice", source=source, line=line_of(text, *steps), field=field, remedy="give each destination a name of its own")
        named[name] = destination
    return named


def _check_url(url: str, source: str, line: int | None, field: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in DEFAULT_PORTS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(f"'{url}' is no broker's URL", source=source, line=line, field=field, remedy="write mqtt://host:1883 or mqtts://host:8883")
    if parts.password:
        raise BadInput("a password does not belong in the config", source=source, line=line, field=field, remedy="put it in a file of its own and name it in password_file")


def _check_ports(config: AgentConfig, text: str, source: str) -> None:
    ids: set[str] = set()
    ports: dict[str, str] = {}
    for index, sensor in enumerate(config.sensors):
        if sensor.id in ids:
            line = line_of(text, "sensors", index, "id")
            raise BadInput(f"'{sensor.id}' is given twice", source=source, line=line, field=f"sensors[{index}].id", remedy="each sensor needs an id of its own")
        port = os.path.realpath(sensor.port)  # by-id names are links to the port
        if port in ports:
            remedy = "one bus is one modbus sensor with several devices" if isinstance(sensor, ModbusOptions) else "a port has one sensor"
            line = line_of(text, "sensors", index, "port")
            raise BadInput(f"'{sensor.port}' already belongs to '{ports[port]}'", source=source, line=line, field=f"sensors[{index}].port", remedy=remedy)
        ids.add(sensor.id)
        ports[port] = sensor.id
        if isinstance(sensor, ModbusOptions):
            _check_units(sensor, index, text, source)


def _check_units(sensor: ModbusOptions, index: int, text: str, source: str) -> None:
    units: set[int] = set()
    for number, device in enumerate(sensor.devices):
        if device.unit in units:
            line = line_of(text, "sensors", index, "devices", number, "unit")
            field = f"sensors[{index}].devices[{number}].unit"
            raise BadInput(f"unit {device.unit} is given twice", source=source, line=line, field=field, remedy="each device on a bus has a unit number of its own")
        units.add(device.unit)


def _check_channels(config: AgentConfig, text: str, source: str, folder: Path) -> None:
    owners: dict[str, str] = {}
    for index, sensor in enumerate(config.sensors):
        line = line_of(text, "sensors", index)
        try:
            channels = channels_of(sensor, folder)
        except BadInput as error:
            if error.source:
                raise
            raise BadInput(error.message, source=source, line=line, field=f"sensors[{index}].devices", remedy=error.remedy) from None
        for placement, quantity in channels:
            channel = channel_id(config.agent, placement, quantity)
            if channel in owners:
                message = f"the channel {channel} already belongs to '{owners[channel]}'"
                raise BadInput(message, source=source, line=line, field=f"sensors[{index}].placement", remedy="give one of the two another placement")
            owners[channel] = sensor.id
