"""`oshwatch bench live`: how late live packs are decided and committed at 20,000 readings/s, with nothing else to do and while agents send a backlog.

From outside to both ends: from the instant at which the publisher stamps a pack to the return of the instant rules, and to the acknowledgement after the ledger's commit.
The worker is a process of its own (`python -m oshwatch.bench_live SITE`); broker and stores are those that the settings name: give it a broker and databases of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec
from paho.mqtt import client as paho

from domain.clock import SystemClock
from domain.errors import NotReady
from domain.messages import Ack
from domain.reading import Reading
from domain.senml import encode_pack
from domain.times import SECOND_US
from ingest.bench_packs import AGENTS, CHANNELS_IN_ALL, INTERVAL_US, bench_site, channels_of
from ingest.memory import collect_seldom
from ingest.mqtt import MqttSource
from ingest.service import IngestService
from ingest.source import Message, Receiver
from oshwatch.commands.bench import instant_rules
from oshwatch.parts import mqtt_address, mqtt_client, prepare
from oshwatch.settings import Settings, load_settings
from storage.records.registry import RegistryRepository
from storage.timeseries.opening import open_timeseries

PACK_OF = 10
PACKS_PER_S, ROUND_S = 2_000, 0.01
BACKLOG_READINGS = 1_000_000
WINDOW = 400
"""Packs that an agent has on their way from its backlog, as `edge_agent.window`."""
WARM_S, QUIET_S, GIVE_UP_S = 5.0, 20.0, 300.0
_ack = msgspec.json.Decoder(Ack).decode


def live_rates(settings: Settings, *, agents_back: Sequence[int] = (1, 4), backlog: int = BACKLOG_READINGS) -> list[dict[str, Any]]:
    """A row with live packs alone, and one for each number of agents that share the backlog."""
    engine, now_us = prepare(settings), SystemClock().now_us()
    live, back = f"live{now_us}", f"back{now_us}"
    for site in (live, back):
        RegistryRepository(engine).import_file(bench_site(site), valid_from_us=None, author="bench", reason="bench", now_us=now_us)
    engine.dispose()
    worker = subprocess.Popen([sys.executable, "-m", "oshwatch.bench_live", live], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    assert worker.stdin is not None
    taken: dict[str, float] = {}
    live_packs: dict[str, int] = {}
    with _publishing(settings, live) as pace:
        time.sleep(WARM_S)
        for number in (0, *agents_back):
            name = str(number)
            worker.stdin.write(f"{name}\n")
            worker.stdin.flush()
            began, before = time.perf_counter(), pace.packs
            if number:
                _Backlog(settings, back, number, backlog).send()
            else:
                time.sleep(QUIET_S)
            taken[name], live_packs[name] = time.perf_counter() - began, pace.packs - before
            worker.stdin.write("between\n")
            worker.stdin.flush()
            time.sleep(2)
    answer, _ = worker.communicate(timeout=GIVE_UP_S)
    found = json.loads(answer)
    return [
        {
            "bench": "live",
            "agents_with_a_backlog": int(name),
            "live_readings_per_s": round(live_packs[name] * PACK_OF / seconds),
            "load_average": round(os.getloadavg()[0], 1),
            **({"backlog_readings_per_s": round(backlog / seconds)} if int(name) else {}),
            **found[name],
        }
        for name, seconds in taken.items()
    ]


class _Pace:
    """Live packs of ten, each stamped as it is sent, in rounds of ten milliseconds; what a late round missed is sent in the next."""

    def __init__(self, client: paho.Client, site: str) -> None:
        self._client, self._clock = client, SystemClock()
        self.packs, self.stop = 0, threading.Event()
        agents = [f"{site}-{number}" for number in range(AGENTS)]
        halves = [(agent, channels_of(agent)[first : first + PACK_OF]) for first in (0, PACK_OF) for agent in agents]
        self._next, self._seqs = cycle(halves), defaultdict[str, int](int)

    def run(self) -> None:
        began = time.perf_counter()
        while not self.stop.wait(ROUND_S):
            while self.packs < (time.perf_counter() - began) * PACKS_PER_S:
                self._one()

    def _one(self) -> None:
        agent, channels = next(self._next)
        now_us, seq = self._clock.now_us(), self._seqs[agent]
        self._seqs[agent] += 1
        pack = encode_pack(agent, "bench", seq, True, [Reading(channel, now_us, 20.0 + (seq + index) % 30 / 10) for index, channel in enumerate(channels)])
        self._client.publish(f"osh/v1/{agent}/data", pack, qos=1)
        self.packs += 1


@contextmanager
def _publishing(settings: Settings, site: str) -> Iterator[_Pace]:
    client = _connected(settings, f"bench-{site}")
    pace = _Pace(client, site)
    thread = threading.Thread(target=pace.run)
    thread.start()
    try:
        yield pace
    finally:
        pace.stop.set()
        thread.join()
        client.disconnect()
        client.loop_stop()


class _Backlog:
    """Agents that were away send what they kept, each with as many packs on their way as its window has room for, until the centre has acknowledged all."""

    def __init__(self, settings: Settings, site: str, agents: int, readings: int) -> None:
        self._agents = [f"{site}-{number}" for number in range(agents)]
        self._boot, self._each = f"bench-{agents}", readings // PACK_OF // agents
        self._upto = dict.fromkeys(self._agents, -1)
        self._changed = threading.Condition()
        self._start_us = SystemClock().now_us() - (CHANNELS_IN_ALL + self._each * PACK_OF // len(channels_of("a"))) * INTERVAL_US
        self._client = _connected(settings, f"bench-{site}-{agents}")
        self._client.on_message = self._on_ack
        for agent in self._agents:
            self._client.subscribe(f"osh/v1/{agent}/ack", 1)

    def send(self) -> None:
        sent = dict.fromkeys(self._agents, 0)
        deadline = time.monotonic() + GIVE_UP_S
        while min(self._upto.values()) < self._each - 1:
            if time.monotonic() > deadline:
                raise NotReady(f"the backlog was not acknowledged within {GIVE_UP_S:.0f} s")
            for agent in self._agents:
                for seq in range(sent[agent], min(self._upto[agent] + 1 + WINDOW, self._each)):
                    self._client.publish(f"osh/v1/{agent}/data", self._pack(agent, seq), qos=1)
                    sent[agent] = seq + 1
            with self._changed:
                self._changed.wait(ROUND_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _pack(self, agent: str, seq: int) -> bytes:
        tick, half = divmod(seq, 2)
        channels, at_us = channels_of(agent)[half * PACK_OF : (half + 1) * PACK_OF], self._start_us + tick * INTERVAL_US
        return encode_pack(agent, self._boot, seq, True, [Reading(channel, at_us, 20.0 + (tick + index) % 30 / 10) for index, channel in enumerate(channels)])

    def _on_ack(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        ack, agent = _ack(message.payload), message.topic.split("/")[2]
        if ack.boot == self._boot:
            with self._changed:
                self._upto[agent] = max(self._upto[agent], ack.upto)
                self._changed.notify()


def _connected(settings: Settings, name: str) -> paho.Client:
    client = mqtt_client(settings, name)
    client.max_queued_messages_set(0)
    client.max_inflight_messages_set(2_000)
    client.connect(*mqtt_address(settings))
    client.loop_start()
    return client


class _Watch:
    """Seconds since live packs were stamped, by phase and by what was done to them."""

    def __init__(self, site: str) -> None:
        self.phase = "warm"
        self._clock, self._prefix = SystemClock(), f"{site}-"
        self._found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    def is_live(self, name: str) -> bool:
        return name.startswith(self._prefix)

    def note(self, what: str, stamped_us: Sequence[int]) -> None:
        now_us = self._clock.now_us()
        self._found[(self.phase, what)] += [(now_us - each) / SECOND_US for each in stamped_us]

    def figures(self) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for (phase, what), values in self._found.items():
            if not values:
                continue
            values.sort()
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                found.setdefault(phase, {})[f"{what}_{name}_ms"] = round(values[int(share * (len(values) - 1))] * 1e3, 1)
        return found


class _WatchedRules:
    def __init__(self, rules: Any, watch: _Watch) -> None:
        self._rules, self._watch = rules, watch
        self.notice = rules.notice

    def check(self, readings: Sequence[Reading], arrival_us: int) -> None:
        self._rules.check(readings, arrival_us)
        self._watch.note("decision", [reading.time_us for reading in readings[::PACK_OF] if self._watch.is_live(reading.channel)])


class _WatchedSource(MqttSource):
    """Knows when each live pack that is to be acknowledged was stamped."""

    def watch(self, watch: _Watch) -> None:
        self._watch, self._stamped = watch, dict[int, int]()

    def start(self, receiver: Receiver) -> None:
        self._to = receiver
        super().start(self)

    def deliver(self, messages: list[Message]) -> None:
        live = [message for message in messages if self._watch.is_live(message.topic.split("/")[2])]
        self._stamped.update((message.token, round(float(message.payload.split(b'"bt":', 1)[1].split(b",", 1)[0]) * SECOND_US)) for message in live)
        self._to.deliver(messages)

    def has_room(self) -> bool:
        return self._to.has_room()

    def ack(self, tokens: Sequence[int]) -> None:
        super().ack(tokens)
        self._watch.note("commit", [stamped for token in tokens if (stamped := self._stamped.pop(token, None)) is not None])


def work(site: str) -> dict[str, dict[str, float]]:
    """The worker: each line of its input begins a phase, the end of it ends the work."""
    settings, clock, watch = load_settings(), SystemClock(), _Watch(site)
    engine = prepare(settings)
    source = _WatchedSource(settings.mqtt_url, clock=clock, client_id=f"bench-worker-{site}", subscriptions=("osh/v1/+/data",), password=settings.mqtt_password)
    source.watch(watch)
    store = open_timeseries(settings.timeseries_url, settings.influxdb_token)
    service = IngestService(source=source, timeseries=store, engine=engine, clock=clock, rules=_WatchedRules(instant_rules(engine, clock), watch))
    collect_seldom()
    service.start()
    for line in sys.stdin:
        watch.phase = line.strip()
    service.stop()
    store.close()
    return watch.figures()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(work(sys.argv[1])))
