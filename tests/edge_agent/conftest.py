"""A pseudo-terminal pair, the agent as a process of its own, and a centre that acknowledges."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from domain.reading import Reading
from domain.senml import decode_pack
from domain.topics import parse, topic


@dataclass
class Wire:
    """A serial line: the test holds one end, the agent opens `path`."""

    master: int
    slave: int
    path: str
    closed: bool = False

    def send(self, data: bytes) -> None:
        os.write(self.master, data)

    def receive(self, size: int, seconds: float = 5.0) -> bytes:
        """At least `size` bytes that the agent wrote."""
        os.set_blocking(self.master, False)
        got, deadline = b"", time.monotonic() + seconds
        while len(got) < size and time.monotonic() < deadline:
            try:
                got += os.read(self.master, 4096)
            except BlockingIOError:
                time.sleep(0.01)
        return got

    def unplug(self) -> None:
        if not self.closed:
            self.closed = True
            os.close(self.master)
            os.close(self.slave)


@pytest.fixture
def wires() -> Iterator[Callable[[], Wire]]:
    made: list[Wire] = []

    def make() -> Wire:
        master, slave = pty.openpty()
        tty.setraw(slave)
        made.append(Wire(master, slave, os.ttyname(slave)))
        return made[-1]

    yield make
    for wire in made:
        wire.unplug()


@dataclass
class AgentProcess:
    """`oshwatch-edge run` on a config of its own."""

    directory: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.directory / "agent.yaml"

    def write_config(self, url: str, sensors: str, extra: str = "") -> None:
        self.config.write_text(f'agent: agent-7\ndata_dir: data\nclock: {{trusted: true}}\nmqtt: {{url: "{url}"}}\n{extra}sensors:\n{sensors}')

    def start(self) -> None:
        log = (self.directory / "agent.log").open("ab")
        self.process = subprocess.Popen([sys.executable, "-m", "edge_agent.cli", "run", "--config", str(self.config)], stdout=log, stderr=log)
        log.close()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(10)

    def log(self) -> str:
        return (self.directory / "agent.log").read_text()


@pytest.fixture
def agent_process(tmp_path: Path) -> Iterator[AgentProcess]:
    agent = AgentProcess(tmp_path)
    yield agent
    agent.kill()


@dataclass
class Centre:
    """Keeps what comes and acknowledges it, as the contract says; `mute` keeps it from answering."""

    host: str
    port: int
    mute: bool = False
    packs: dict[tuple[str, int], bytes] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    client: mqtt.Client | None = None

    def start(self) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="centre", clean_session=False)
        client.reconnect_delay_set(0.1, 0.5)
        client.on_connect = lambda c, *_: c.subscribe([("osh/v1/+/data/#", 1), ("osh/v1/+/event", 1), ("osh/v1/+/status", 1), ("osh/v1/+/health", 0), ("osh/v1/+/cmd/result", 1)])
        client.on_message = self._take
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect_async(self.host, self.port, keepalive=10)
        client.loop_start()
        self.client = client
        assert subscribed.wait(10)

    def stop(self) -> None:
        if self.client is not None:
            self.client.disconnect()
            self.client.loop_stop()
            self.client = None

    def _take(self, client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        agent, kind = parse(message.topic) or ("", "")
        with self.lock:
            self.messages.append((kind, message.payload))
            if kind == "data":
                head = json.loads(message.payload)[0]
                known = self.packs.setdefault((head["boot"], head["seq"]), message.payload)
                assert known == message.payload, "a pack changed after it was published"
            elif kind == "event":
                head = json.loads(message.payload)
                self.events.append(head)
            else:
                return
        if not self.mute:
            client.publish(topic(agent, "ack"), json.dumps({"boot": head["boot"], "upto": -1, "also": [[head["seq"], head["seq"]]]}), qos=1)

    def send(self, agent: str, kind: str, message: dict[str, Any]) -> None:
        assert self.client is not None
        self.client.publish(topic(agent, kind), json.dumps(message), qos=1).wait_for_publish(5)

    def acknowledge_all(self, agent: str = "agent-7") -> None:
        with self.lock:
            known = list(self.packs) + [(event["boot"], event["seq"]) for event in self.events]
        for boot, seq in known:
            self.send(agent, "ack", {"boot": boot, "upto": -1, "also": [[seq, seq]]})

    def readings(self, agent: str = "agent-7") -> list[Reading]:
        """Of all packs, in the order of time."""
        with self.lock:
            packs = list(self.packs.values())
        return sorted((reading for payload in packs for reading in decode_pack(payload, agent).readings), key=lambda reading: reading.time_us)

    def readings_of(self, boot: str, agent: str = "agent-7") -> list[Reading]:
        """Of one run, in the order of its numbers."""
        with self.lock:
            packs = sorted((seq, payload) for (found, seq), payload in self.packs.items() if found == boot)
        return [reading for _, payload in packs for reading in decode_pack(payload, agent).readings]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        with self.lock:
            return [json.loads(payload) for found, payload in self.messages if found == kind]


@pytest.fixture
def centre(mosquitto: Any) -> Iterator[Centre]:
    found = Centre("127.0.0.1", mosquitto.port)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def eventually() -> Callable[..., None]:
    def wait(condition: Callable[[], object], seconds: float = 10.0, what: str = "") -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.02)

    return wait
