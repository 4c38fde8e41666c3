"""Load: many agents as the wire sees them, over a few connections. Boot, sequence and times are an agent's own, so a centre cannot tell; only an outbox is missing."""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from domain.clock import Clock
from domain.errors import BadInput, NotReady
from domain.messages import Status
from domain.quality import Reason
from domain.quantities import QUANTITIES, Quantity
from domain.registry import AgentSpec, ChannelSpec, Instrument, ShiftSpec, SiteFile, SiteSpec, ZoneSpec
from domain.senml import MAX_PACK_BYTES, MAX_RECORDS
from domain.times import SECOND_US
from domain.topics import topic

SITE, ZONE = "fleet", "zone-1"
CONNECTIONS = 4
IN_FLIGHT = 1_000
"""Packs that one connection may have on the way: the broker's own default is 20 to 2,000."""
CONNECT_WITHIN_S = 10.0
DRAIN_WITHIN_S = 60.0
_PHASES = 64  # values repeat after so many ticks
_SWING = 0.03

_CALM: dict[str, float] = {
    "air_temperature": 26.0, "globe_temperature": 26.5, "natural_wet_bulb_temperature": 20.0, "relative_humidity": 55.0, "air_speed": 0.3, "air_pressure": 1008.0, "wbgt": 22.0,
    "sound_level_a_eq": 74.0, "sound_level_c_peak": 96.0, "sound_dose_5db_t80": 12.0, "sound_dose_5db_t90": 3.0, "co2": 650.0, "co": 2.0, "no2": 0.03, "so2": 0.1, "o3": 0.02, "nh3": 1.5,
    "h2s": 0.2, "cl2": 0.02, "formaldehyde": 0.01, "tvoc_isobutylene": 3.0, "voc_index": 100.0, "pm1": 9.0, "pm2_5": 14.0, "pm4": 18.0, "pm10": 22.0, "respirable_dust": 60.0, "illuminance": 520.0,
}  # fmt: skip
"""What an uneventful workplace has, so that load is load and not a flood of alarms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """How many agents, what each sends and how often; `packs_of` 0 is one reading of each channel."""

    agents: int
    channels: int
    rate_hz: float
    packs_of: int = 0
    duration_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("agents", "channels", "rate_hz"):
            _require(0 < getattr(self, name) < math.inf, "must be over 0", f"--{name.removesuffix('_hz')}", "for example --agents 200 --channels 20 --rate 1")
        _require(self.agents < 10_000, "at most 9,999", "--agents", "start a second fleet elsewhere: ids have four digits")
        _require(self.duration_s is None or round(self.rate_hz * self.duration_s) > 0, "holds no reading at this rate", "--duration", "make it longer")
        longest = max(len(wire) for channel in channels_of(self) for wire in channel.wire) + len(',"t":00000.000000')
        most = min(MAX_RECORDS, (MAX_PACK_BYTES - 300) // longest)
        _require(0 <= self.packs_of <= most and self.readings_a_pack <= most, f"a pack of these holds at most {most} readings", "--packs-of", "take a smaller number")

    @property
    def readings_a_pack(self) -> int:
        return self.packs_of or self.channels

    @property
    def ticks(self) -> int | None:
        """How often each channel is read; None: until stopped."""
        return None if self.duration_s is None else round(self.rate_hz * self.duration_s)


@dataclass(frozen=True, slots=True)
class FleetChannel:
    """A channel of every agent, with the inside of its record for each of its values."""

    placement: str
    quantity: Quantity
    wire: tuple[bytes, ...]


@dataclass(slots=True, kw_only=True)
class FleetSummary:
    """What was published: handed to the broker, and acknowledged by it."""

    agents: int
    packs: int = 0
    readings: int = 0
    acknowledged: int = 0
    refused: int = 0
    seconds: float = 0.0
    behind_s: float = 0.0  # the furthest that publishing fell behind the readings' own time

    def to_text(self) -> str:
        rate = self.readings / self.seconds if self.seconds else 0.0
        refused = f", {self.refused} refused by the broker" if self.refused else ""
        return (
            f"{self.agents} agents published {self.packs} packs with {self.readings} readings in {self.seconds:.1f} s ({rate:.0f}/s), "
            f"{self.acknowledged} packs acknowledged by the broker{refused}, at most {self.behind_s:.2f} s behind"
        )


def fleet_agent(number: int) -> str:
    """`sim-0001` is the first."""
    return f"sim-{number:04d}"


def fleet_registry(agents: int, channels: int, interval_s: float = 1.0) -> SiteFile:
    """The registry file by which a centre knows every reading of this fleet."""
    plan = FleetPlan(agents=agents, channels=channels, rate_hz=1 / interval_s)
    specs = [
        ChannelSpec(placement=channel.placement, quantity=channel.quantity.id, zone=ZONE, interval_s=interval_s, instrument=Instrument(model="simulated", serial=f"sim-{number}"))
        for number, channel in enumerate(channels_of(plan), start=1)
    ]
    return SiteFile(
        site=SiteSpec(id=SITE, name="Simulated fleet", timezone="Asia/Ho_Chi_Minh", country="VN", profiles=["us-niosh"]),
        shifts=[ShiftSpec(name="A", start="06:00", stop="14:00"), ShiftSpec(name="B", start="14:00", stop="22:00"), ShiftSpec(name="C", start="22:00", stop="06:00")],
        zones=[ZoneSpec(id=ZONE, name="Zone 1", metabolic_rate_w=180, hazards=["heat", "noise"])],
        agents=[AgentSpec(id=fleet_agent(number), channels=specs) for number in range(1, agents + 1)],
    )


def channels_of(plan: FleetPlan) -> list[FleetChannel]:
    """The channels of an agent: every quantity once, then again at another placement."""
    known = [QUANTITIES[id] for id in _CALM]
    channels = []
    for number in range(plan.channels):
        placement = ZONE if number < len(known) else f"{ZONE}-{number // len(known) + 1}"
        quantity = known[number % len(known)]
        channels.append(FleetChannel(placement, quantity, tuple(_wire(placement, quantity, phase) for phase in range(_PHASES))))
    return channels


class FleetAgent:
    """One agent: its boot, its counter, its packs."""

    def __init__(self, number: int, boot: str, plan: FleetPlan, channels: Sequence[FleetChannel], start_us: int) -> None:
        self.id, self.boot = fleet_agent(number), boot
        self._plan, self._channels = plan, channels
        self._interval_us = SECOND_US / plan.rate_hz
        self._start_us = start_us + round((number - 1) / plan.agents * self._interval_us)  # agents of a factory do not tick together
        self._phase = number

    def packs(self) -> Iterator[tuple[int, int, bytes]]:
        """(when its last reading is taken, readings in it, payload), without end or for `ticks` readings of each channel."""
        seq, waiting = 0, []
        tick = 0
        while self._plan.ticks is None or tick < self._plan.ticks:
            for channel in self._channels:
                waiting.append((self._time_us(tick), channel.wire[(tick + self._phase) % _PHASES]))
                if len(waiting) == self._plan.readings_a_pack:
                    yield waiting[-1][0], len(waiting), self._payload(seq, waiting)
                    seq, waiting = seq + 1, []
            tick += 1
        if waiting:
            yield waiting[-1][0], len(waiting), self._payload(seq, waiting)

    def status(self, state: str, time_us: int) -> bytes:
        return msgspec.json.encode(Status(state="online" if state == "online" else "offline", boot=self.boot, at=time_us / SECOND_US, version="fleet"))

    def _time_us(self, tick: int) -> int:
        return self._start_us + round((tick + 1) * self._interval_us)  # a reading's time is the end of its interval

    def _payload(self, seq: int, readings: Sequence[tuple[int, bytes]]) -> bytes:
        base_us = readings[0][0]
        head = f'[{{"bn":"{self.id}/","bt":{_seconds(base_us)},"boot":"{self.boot}","seq":{seq},"sync":true,'.encode()
        records = [wire if time_us == base_us else wire + f',"t":{_seconds(time_us - base_us)}'.encode() for time_us, wire in readings]
        return head + b"},{".join(records) + b"}]"


class _Connection:
    """One paho client, with a bound on what is on the way."""

    def __init__(self, url: str, name: str, summary: FleetSummary, lock: threading.Lock) -> None:
        self._room = threading.Semaphore(IN_FLIGHT)
        self._summary, self._lock = summary, lock
        self._open = 0
        self._connected = threading.Event()
        self._refusal = ""
        parts = urlsplit(url)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        if parts.username:
            client.username_pw_set(unquote(parts.username), unquote(parts.password) if parts.password else None)
        if parts.scheme == "mqtts":
            client.tls_set()
        client.max_inflight_messages_set(IN_FLIGHT)
        client.on_connect, client.on_publish = self._on_connect, self._on_publish
        self._client, self._host, self._port = client, parts.hostname or "", parts.port or (8883 if parts.scheme == "mqtts" else 1883)

    def open(self) -> None:
        try:
            self._client.connect(self._host, self._port, keepalive=30)
        except OSError as error:
            raise NotReady(f"no broker answers at {self._host}:{self._port}: {error}") from None
        self._client.loop_start()
        if not self._connected.wait(CONNECT_WITHIN_S) or self._refusal:
            self.close()
            raise NotReady(f"the broker at {self._host}:{self._port} does not let the fleet in: {self._refusal or 'no answer'}")

    def publish(self, address: str, payload: bytes, stop: threading.Event, *, retain: bool = False) -> bool:
        """Hand over one message, waiting for room; False when stopped instead."""
        while not self._room.acquire(timeout=0.5):
            if stop.is_set():
                return False
        with self._lock:
            self._open += 1
        self._client.publish(address, payload, qos=1, retain=retain)
        return True

    def drain(self, clock_s: Callable[[], float]) -> None:
        """Wait until the broker has acknowledged everything."""
        until = clock_s() + DRAIN_WITHIN_S
        pause = threading.Event()
        while self._open and clock_s() < until:
            pause.wait(0.01)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: ReasonCode, _properties: object) -> None:
        self._refusal = str(reason) if reason.is_failure else ""
        self._connected.set()

    def _on_publish(self, _client: object, _data: object, _mid: int, reason: ReasonCode, _properties: object) -> None:
        with self._lock:
            self._open -= 1
            self._summary.acknowledged += 1
            self._summary.refused += reason.is_failure
        self._room.release()


@dataclass(slots=True, kw_only=True)
class Fleet:
    """A fleet on its way."""

    plan: FleetPlan
    url: str
    clock: Clock
    stop: threading.Event = field(default_factory=threading.Event)
    progress: Callable[[FleetSummary], None] = lambda _summary: None
    boot: Callable[[], str] = lambda: secrets.token_hex(8)

    def run(self) -> FleetSummary:
        """Publish until the plan's end or `stop`; raises NotReady without a broker."""
        summary, lock = FleetSummary(agents=self.plan.agents), threading.Lock()
        name = secrets.token_hex(4)
        lines = [_Connection(self.url, f"fleet-{name}-{number}", summary, lock) for number in range(min(CONNECTIONS, self.plan.agents))]
        opened: list[_Connection] = []
        try:
            for line in lines:
                line.open()
                opened.append(line)
            self._publish(lines, summary)
        finally:
            for line in opened:
                line.close()
        return summary

    def _publish(self, lines: Sequence[_Connection], summary: FleetSummary) -> None:
        start_us, began_s = self.clock.now_us(), self._real_s()
        channels = channels_of(self.plan)
        agents = [FleetAgent(number, self.boot(), self.plan, channels, start_us) for number in range(1, self.plan.agents + 1)]
        self._say(agents, lines, "online")
        for number, agent, readings, payload in self._in_time(agents, summary):
            if not lines[number % len(lines)].publish(topic(agent.id, "data"), payload, self.stop):
                break
            summary.packs += 1
            summary.readings += readings
        self._say(agents, lines, "offline")
        for line in lines:
            line.drain(self._real_s)
        summary.acknowledged -= 2 * len(agents)  # births and farewells
        summary.seconds = self._real_s() - began_s

    def _in_time(self, agents: Sequence[FleetAgent], summary: FleetSummary) -> Iterator[tuple[int, FleetAgent, int, bytes]]:
        """Every agent's next pack when its last reading is due: all have the same rhythm, so going round is going in order."""
        streams = [agent.packs() for agent in agents]
        told_s = self._real_s()
        for number, agent, pack in _rounds(agents, streams):
            due_us, readings, payload = pack
            early_us = due_us - self.clock.now_us()
            summary.behind_s = max(summary.behind_s, -early_us / SECOND_US)
            while early_us > 0 and not self.stop.is_set():
                self.clock.sleep(min(early_us / SECOND_US, 0.2))
                early_us = due_us - self.clock.now_us()
            if self.stop.is_set():
                return
            yield number, agent, readings, payload
            if self._real_s() - told_s > 1:
                told_s = self._real_s()
                self.progress(summary)

    def _say(self, agents: Sequence[FleetAgent], lines: Sequence[_Connection], state: str) -> None:
        for number, agent in enumerate(agents):
            lines[number % len(lines)].publish(topic(agent.id, "status"), agent.status(state, self.clock.now_us()), threading.Event(), retain=True)

    def _real_s(self) -> float:
        return self.clock.monotonic_us() / SECOND_US


def run_fleet(plan: FleetPlan, url: str, clock: Clock, *, stop: threading.Event | None = None, progress: Callable[[FleetSummary], None] = lambda _summary: None) -> FleetSummary:
    """Publish the plan's load to the broker at `url` (mqtt://[user[:password]@]host[:port] or mqtts://)."""
    if urlsplit(url).scheme not in ("mqtt", "mqtts") or not urlsplit(url).hostname:
        raise BadInput(f"'{url}' is no broker's URL", field="--mqtt", remedy="write mqtt://127.0.0.1:1883")
    return Fleet(plan=plan, url=url, clock=clock, stop=stop or threading.Event(), progress=progress).run()


def _rounds(agents: Sequence[FleetAgent], streams: Sequence[Iterator[tuple[int, int, bytes]]]) -> Iterator[tuple[int, FleetAgent, tuple[int, int, bytes]]]:
    while True:
        packs = [(number, agent, pack) for number, (agent, stream) in enumerate(zip(agents, streams, strict=True)) if (pack := next(stream, None)) is not None]
        if not packs:
            return
        yield from packs


def _wire(placement: str, quantity: Quantity, phase: int) -> bytes:
    value = _CALM[quantity.id] * (1 + _SWING * math.sin(2 * math.pi * phase / _PHASES))
    return f'"n":"{placement}/{quantity.id}","u":"{quantity.unit}","v":{round(value, quantity.decimals + 1)},"r":[{int(Reason.SIMULATED)}]'.encode()


def _seconds(time_us: int) -> str:
    """Seconds in decimals, exact to the microsecond."""
    return f"{time_us // SECOND_US}.{time_us % SECOND_US:06d}"


def _require(condition: bool, message: str, option: str, remedy: str) -> None:
    if not condition:
        raise BadInput(message, field=option, remedy=remedy)
