"""A scenario: a factory, its climate, what its sensors are, and what will happen, with the truth about it. YAML under `scenario.schema.json`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from domain.errors import BadInput
from domain.registry import AgentSpec, ChannelSpec, Instrument, ShiftSpec, SiteFile, SiteSpec, ZoneSpec
from domain.times import HOUR_US, MINUTE_US, to_datetime
from domain.yamltext import line_of, parse_yaml
from simulator.factory.spec import Course

SHIFT_AGE_US = 3 * HOUR_US
"""Contract 6: the demo's shift began 3 h before its start, at any hour of the day."""

SENSES: dict[str, tuple[str, ...]] = {
    "plantower": ("pm1", "pm2_5", "pm10"),
    "mh_z19": ("co2",),
    "heat-station": ("air_temperature", "relative_humidity", "globe_temperature", "air_speed"),
    "sound-level-meter": ("sound_level_a_eq", "sound_level_c_peak"),
    "pid": ("tvoc_isobutylene",),
}
"""What each kind of device measures: a UART sensor by its driver, a Modbus unit by its register map."""

POST_SENSES = {quantity for senses in SENSES.values() for quantity in senses} | {"formaldehyde"}
"""What a post of a long record may measure."""

Positive = Annotated[float, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0)]


class Climate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Outdoor air. The day's course is tied to the shift, not to the clock, since a demo may start at any hour."""

    mean_c: float
    swing_c: float
    humidity_pct: Annotated[float, msgspec.Meta(ge=5, le=100)]
    hottest_after_h: float = 7.0  # after the shift's start


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shift: `hours` long, with one break."""

    name: str = "A"
    hours: Annotated[int, msgspec.Meta(ge=4, le=12)] = 9
    break_after_min: int = 270
    break_min: int = 45
    machines: bool = True  # False: nobody works, nothing runs


class Physics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the plant does with a zone, at full activity and in equilibrium."""

    air_gain_k: float = 2.0  # over outdoor air: machines, people, roof
    radiant_gain_k: float = 0.5  # globe over air: hot surfaces
    vapour_gain_hpa: float = 1.0  # over outdoor vapour pressure: people, steam
    building_tau_min: Positive = 25.0
    air_speed_ms: Positive = 0.25
    occupants: Fraction = 20
    volume_m3: Positive = 1_500
    air_changes_per_h: Positive = 4
    machine_db: float = 70.0  # energy sum of the machines at the sensor's place
    background_db: float = 52.0
    crest_db: float = 16.0  # C-weighted peak over the A-weighted mean
    solvent_g_per_min: Fraction = 0.0
    dust_ug_per_s: Fraction = 200.0
    formaldehyde_mg_per_min: Fraction = 0.0  # from finished cloth
    capture: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0  # share of the solvent that local extraction takes while it runs
    mechanical: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.7  # share of the air changes that need power
    mass_j_per_m2k: Positive = 60_000.0  # of building and goods, for each square metre of floor
    roof_w_per_m2k: Fraction = 2.5
    roof_absorbs: Fraction = 0.6  # of the sun
    height_m: Positive = 4.5


class Area(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A zone of the registry and its physics."""

    zone: ZoneSpec
    physics: Physics = Physics()


class Unit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One instrument on a line; `unit` 0 on a UART, which has only one."""

    placement: str
    zone: str
    unit: int = 0
    profile: str = ""
    model: str = "simulated"
    grade: Literal["compliance", "screening", "trend"] = msgspec.field(name="class", default="screening")
    height_m: float = 1.1
    distance_to_source_m: float = 2.0


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One serial line of one agent."""

    id: str
    agent: str
    kind: Literal["plantower", "mh_z19", "modbus"]
    units: Annotated[list[Unit], msgspec.Meta(min_length=1)]
    interval_s: Positive = 10.0

    def senses(self, unit: Unit) -> tuple[str, ...]:
        return SENSES[unit.profile or self.kind]


class Happening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A real event of the plant; times from the demo's start."""

    id: str
    zone: str
    kind: Literal["steam_leak", "ventilation_stops", "solvent_spill", "machine_noise"]
    start_s: float
    duration_s: Positive
    size: float = 1.0  # steam_leak: 1 = +7.5 K; ventilation_stops: share lost; solvent_spill: g/min; machine_noise: dB


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault of a sensor; times from the demo's start."""

    id: str
    line: str
    kind: Literal["stuck", "spike", "bias", "noise", "unplugged", "bad_checksum", "drift", "dropout", "calibration", "saturation"]
    start_s: float
    duration_s: Positive
    unit: int = 0
    quantity: str = ""
    size: float = 0.0  # spike, bias, drift at its end, saturation's ceiling: in the quantity's unit; noise: times its usual noise; calibration: 0.1 is 10 % too much


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What an event or fault should be called, on which channels, and when."""

    id: str
    truth: Literal["event", "fault"]
    type: str
    start_s: float
    stop_s: float
    zone: str
    channels: tuple[str, ...]


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    id: str
    title: str
    description: str
    seed: int
    site: SiteSpec
    climate: Climate
    areas: Annotated[list[Area], msgspec.Meta(min_length=1)]
    lines: Annotated[list[Line], msgspec.Meta(min_length=1)]
    shift: Plan = Plan()
    events: list[Happening] = []
    faults: list[Fault] = []
    course: Course = Course()  # for records of days and months; the devices of a demo do not know it
    source: str = ""  # filled in by the loader: the name or path it was loaded by

    @property
    def agents(self) -> list[str]:
        """Ids, in the order of their first line."""
        return list(dict.fromkeys(line.agent for line in self.lines))

    def line(self, id: str) -> Line:
        return next(line for line in self.lines if line.id == id)

    def shift_start_us(self, start_us: int) -> int:
        """3 h before the demo's start, at a whole minute."""
        return (start_us - SHIFT_AGE_US) // MINUTE_US * MINUTE_US

    def site_file(self, start_us: int) -> SiteFile:
        """The registry of this factory, for a demo that starts at this instant."""
        begins = self.shift_start_us(start_us)
        shift = ShiftSpec(
            name=self.shift.name,
            start=self._wall(begins),
            stop=self._wall(begins + self.shift.hours * HOUR_US),
            breaks=[(self._wall(begins + self.shift.break_after_min * MINUTE_US), self._wall(begins + (self.shift.break_after_min + self.shift.break_min) * MINUTE_US))],
        )
        agents = [AgentSpec(id=agent, channels=[spec for line in self.lines if line.agent == agent for spec in _channel_specs(line)]) for agent in self.agents]
        return SiteFile(site=self.site, shifts=[shift], zones=[area.zone for area in self.areas], agents=agents)

    def agent_config(self, agent: str, *, ports: Mapping[str, str], mqtt: Mapping[str, str], data_dir: str) -> dict[str, object]:
        """The config file (contract 5) of an agent whose lines are these ports; every reading will carry reason 131."""
        sensors = [_sensor(line, ports[line.id]) for line in self.lines if line.agent == agent]
        return {"agent": agent, "data_dir": data_dir, "clock": {"trusted": True}, "mqtt": dict(mqtt), "sensors": sensors}

    def truths(self) -> list[Truth]:
        """The ground truth of every event and fault."""
        return [self._truth_of_event(event) for event in self.events] + [self._truth_of_fault(fault) for fault in self.faults]

    def _wall(self, time_us: int) -> str:
        return to_datetime(time_us).astimezone(ZoneInfo(self.site.timezone)).strftime("%H:%M")

    def _truth_of_event(self, event: Happening) -> Truth:
        moved = {
            "steam_leak": SENSES["heat-station"][:3],
            "ventilation_stops": ("co2", "tvoc_isobutylene"),
            "solvent_spill": ("tvoc_isobutylene",),
            "machine_noise": SENSES["sound-level-meter"],
        }
        channels = tuple(
            f"{line.agent}.{unit.placement}.{quantity}"
            for line in self.lines
            for unit in line.units
            if unit.zone == event.zone
            for quantity in line.senses(unit)
            if quantity in moved[event.kind]
        )
        return Truth(id=event.id, truth="event", type=event.kind, start_s=event.start_s, stop_s=event.start_s + event.duration_s, zone=event.zone, channels=channels)

    def _truth_of_fault(self, fault: Fault) -> Truth:
        line = self.line(fault.line)
        unit = next(unit for unit in line.units if unit.unit == fault.unit)
        quantities = (fault.quantity,) if fault.quantity else line.senses(unit)
        channels = tuple(f"{line.agent}.{unit.placement}.{quantity}" for quantity in quantities)
        return Truth(id=fault.id, truth="fault", type=fault.kind, start_s=fault.start_s, stop_s=fault.start_s + fault.duration_s, zone=unit.zone, channels=channels)


def list_scenarios() -> list[str]:
    """Names of those that come with the house."""
    return sorted(path.name.removesuffix(".yaml") for path in resources.files("simulator.scenarios").iterdir() if path.name.endswith(".yaml"))


def load_scenario(name: str) -> Scenario:
    """By name, or by the path of a YAML file; raises `BadInput`."""
    if name in list_scenarios():
        text, source = resources.files("simulator.scenarios").joinpath(f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml"
    elif Path(name).is_file():
        text, source = Path(name).read_text(encoding="utf-8"), name
    else:
        raise BadInput(f"there is no scenario '{name}'", field="--scenario", remedy=f"one of {', '.join(list_scenarios())}, or a YAML file")
    scenario = parse_yaml(text, Scenario, source=source)
    _check(scenario, text, source)
    return msgspec.structs.replace(scenario, source=name)


def _check(scenario: Scenario, text: str, source: str) -> None:
    zones = {area.zone.id for area in scenario.areas}
    lines = {line.id: line for line in scenario.lines}
    for position, line in enumerate(scenario.lines):
        for unit in line.units:
            if unit.zone not in zones:
                raise BadInput(
                    f"there is no zone '{unit.zone}'", source=source, line=line_of(text, "lines", position), field=f"lines[{position}]", remedy=f"one of {', '.join(sorted(zones))}"
                )
            if (unit.profile or line.kind) not in SENSES:
                raise BadInput(
                    f"no such profile '{unit.profile}'",
                    source=source,
                    line=line_of(text, "lines", position),
                    field=f"lines[{position}]",
                    remedy=f"one of {', '.join(sorted(SENSES))}",
                )
    for position, post in enumerate(scenario.course.posts):
        if post.zone not in zones or not set(post.senses) <= POST_SENSES:
            raise BadInput(
                "its zone or a quantity is not known",
                source=source,
                line=line_of(text, "course", "posts", position),
                field=f"course.posts[{position}]",
                remedy=f"zones {', '.join(sorted(zones))}; quantities {', '.join(sorted(POST_SENSES))}",
            )
    for position, event in enumerate(scenario.events):
        if event.zone not in zones:
            raise BadInput(
                f"there is no zone '{event.zone}'",
                source=source,
                line=line_of(text, "events", position),
                field=f"events[{position}].zone",
                remedy=f"one of {', '.join(sorted(zones))}",
            )
    for position, fault in enumerate(scenario.faults):
        if fault.line not in lines or all(unit.unit != fault.unit for unit in lines[fault.line].units):
            raise BadInput(
                f"there is no unit {fault.unit} on a line '{fault.line}'",
                source=source,
                line=line_of(text, "faults", position),
                field=f"faults[{position}]",
                remedy="name a line of this file",
            )


def _channel_specs(line: Line) -> list[ChannelSpec]:
    return [
        ChannelSpec(
            placement=unit.placement,
            quantity=quantity,
            zone=unit.zone,
            interval_s=line.interval_s,
            instrument=Instrument(model=unit.model, serial=f"sim-{line.id}-{unit.unit}", grade=unit.grade, globe_diameter_mm=150.0 if quantity == "globe_temperature" else None),
            height_m=unit.height_m,
            distance_to_source_m=unit.distance_to_source_m,
            agreed_by=["worker side", "management"],
        )
        for unit in line.units
        for quantity in line.senses(unit)
    ]


def _sensor(line: Line, port: str) -> dict[str, object]:
    sensor: dict[str, object] = {"id": line.id, "driver": line.kind, "port": port, "interval_s": line.interval_s, "simulated": True}
    if line.kind != "modbus":
        return sensor | {"placement": line.units[0].placement}
    return sensor | {"baud": 9600, "parity": "N", "devices": [{"unit": unit.unit, "profile": unit.profile, "placement": unit.placement} for unit in line.units]}


def schema() -> dict[str, object]:
    """The published JSON Schema of a scenario file."""
    return msgspec.json.schema(Scenario)
