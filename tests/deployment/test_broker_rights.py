"""Who may say and hear what on the broker as it is shipped: every role against its own topics, another's, and the wildcards (contract 3)."""

from __future__ import annotations

import signal
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.subscribeoptions import SubscribeOptions

from domain.topics import SUBSCRIPTIONS, sharded_data_topic, topic

pytestmark = pytest.mark.server("mosquitto")

CENTRE, AGENT, OTHER = "_centre", "agent-1", "agent-2"
LAMP = "f1"  # the id of its site
DENIED = 135  # MQTT 5: not authorised
CLOSED = -1  # the broker hung up without an answer
WRITES = ("data", "status", "health", "event", "cmd/result")
READS = ("ack", "cmd")


class Person:
    """An MQTT 5 client that keeps what it hears."""

    def __init__(self, user: str, password: str, port: int, ca: str | None, identity: tuple[str, str] | None = None) -> None:
        self.heard: list[str] = []
        self._answers: dict[int, int] = {}
        self._changed = threading.Condition()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"{user}-{uuid.uuid4()}", protocol=mqtt.MQTTv5)
        if password:
            self.client.username_pw_set(user, password)
        if ca:
            self.client.tls_set(ca, *(identity or (None, None)), cert_reqs=ssl.CERT_REQUIRED)
        self.client.on_message = lambda _client, _data, message: self.heard.append(message.topic)
        self.client.on_publish = lambda _client, _data, mid, reason, _properties: self._note(mid, reason.value)
        self.client.on_subscribe = lambda _client, _data, mid, reasons, _properties: self._note(mid, reasons[0].value)
        self.client.on_disconnect = lambda _client, _data, _flags, _reason, _properties: self._note(0, self._answers.get(0, CLOSED))
        self.client.on_connect = lambda _client, _data, _flags, reason, _properties: self._note(0, reason.value)
        self.client.connect("localhost", port)
        self.client.loop_start()

    def _note(self, mid: int, reason: int) -> None:
        with self._changed:
            self._answers[mid] = reason
            self._changed.notify_all()

    def answer(self, mid: int = 0) -> int:
        """The broker's reason code for a request; 0 stands for the connection."""
        with self._changed:
            assert self._changed.wait_for(lambda: mid in self._answers, 5), "no answer"
            return self._answers[mid]

    def say(self, topic: str, retain: bool = False) -> int:
        return self.answer(self.client.publish(topic, b"x", qos=1, retain=retain).mid)

    def listen(self, filter: str) -> int:
        _, mid = self.client.subscribe(filter, options=SubscribeOptions(qos=1))
        assert mid is not None
        return self.answer(mid)

    def hears(self, topic: str) -> bool:
        deadline = time.monotonic() + 5
        while topic not in self.heard and time.monotonic() < deadline:
            time.sleep(0.01)
        return topic in self.heard

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(scope="module")
def broker(make_secrets, start_broker):
    return start_broker(make_secrets("--agent", AGENT, "--agent", OTHER, "--light", LAMP))


@pytest.fixture
def connect(broker) -> Iterator[Callable[[str], Person]]:
    people: list[Person] = []

    def make(user: str) -> Person:
        person = Person(user, broker.password(user), broker.tls_port, str(broker.secrets / "ca.crt"))
        people.append(person)
        assert person.answer() == 0
        return person

    yield make
    for person in people:
        person.close()


def all_topics(agent: str) -> list[str]:
    return [topic(agent, kind) for kind in (*WRITES, *READS)] + [sharded_data_topic(agent)]


def say_everything(speaker: Person, listener: Person) -> None:
    """Every topic of both agents and of the centre is spoken on; returns when the listener's broker has dealt with all of them."""
    for spoken in (*all_topics(AGENT), *all_topics(OTHER), "osh/v1/_centre/alert"):
        assert speaker.say(spoken) in (0, 16), spoken  # 16: nobody listens
    listener.listen("osh/v1/nothing")  # answered after all messages before it
    time.sleep(0.05)


@pytest.mark.parametrize("kind", [*WRITES, "data/07"])
def test_an_agent_says_its_own_readings_and_states(connect, kind: str) -> None:
    centre, agent = connect(CENTRE), connect(AGENT)
    for filter in SUBSCRIPTIONS:
        centre.listen(filter)
    assert agent.say(f"osh/v1/{AGENT}/{kind}") == 0
    assert centre.hears(f"osh/v1/{AGENT}/{kind}")


@pytest.mark.parametrize("spoken", [*(f"osh/v1/{AGENT}/{kind}" for kind in (*READS, "other", "data7")), *all_topics(OTHER), "osh/v1/_centre/alert", "elsewhere"])
def test_an_agent_cannot_acknowledge_itself_nor_speak_for_another(connect, spoken: str) -> None:
    centre, agent = connect(CENTRE), connect(AGENT)
    centre.listen("osh/v1/#")
    assert agent.say(spoken) == DENIED
    assert agent.say(f"osh/v1/{AGENT}/event") == 0
    assert centre.hears(f"osh/v1/{AGENT}/event")
    assert spoken not in centre.heard


@pytest.mark.parametrize("filter", ["#", "osh/#", "osh/v1/+/+", "osh/v1/+/ack", f"osh/v1/{OTHER}/#", f"osh/v1/{OTHER}/cmd", "$share/g/osh/v1/#", "+/+/+/data"])
def test_an_agent_hears_only_what_is_meant_for_it(connect, filter: str) -> None:
    centre, agent = connect(CENTRE), connect(AGENT)
    agent.listen(filter)
    say_everything(centre, agent)
    assert set(agent.heard) <= {f"osh/v1/{AGENT}/{kind}" for kind in READS}


@pytest.mark.parametrize("kind", READS)
def test_an_agent_hears_its_acknowledgements_and_commands(connect, kind: str) -> None:
    centre, agent = connect(CENTRE), connect(AGENT)
    assert agent.listen(f"osh/v1/{AGENT}/{kind}") == 1
    assert centre.say(f"osh/v1/{AGENT}/{kind}") == 0
    assert agent.hears(f"osh/v1/{AGENT}/{kind}")
    assert agent.heard == [f"osh/v1/{AGENT}/{kind}"]


def test_an_agent_does_not_hear_a_retained_status_of_another(connect) -> None:
    agent, other = connect(AGENT), connect(OTHER)
    assert other.say(f"osh/v1/{OTHER}/status", retain=True) in (0, 16)
    agent.listen("osh/v1/+/status")
    agent.listen("osh/v1/nothing")
    try:
        assert agent.heard == []
    finally:
        other.client.publish(f"osh/v1/{OTHER}/status", b"", qos=1, retain=True).wait_for_publish(5)


def test_the_centre_hears_and_says_everything_of_the_house_and_nothing_else(connect) -> None:
    centre = connect(CENTRE)
    centre.listen("#")
    say_everything(centre, centre)
    assert set(all_topics(AGENT)) | set(all_topics(OTHER)) | {"osh/v1/_centre/alert"} <= set(centre.heard)
    assert centre.say("elsewhere") == DENIED


def test_the_centre_lights_a_lamp_and_a_lamp_hears_its_own_site_only(connect) -> None:
    centre, lamp = connect(CENTRE), connect(LAMP)
    lamp.listen("osh/light/v1/#")
    centre.listen("osh/light/v1/#")
    for site in (OTHER, LAMP):
        assert centre.say(f"osh/light/v1/{site}/stop") == 0
        assert centre.hears(f"osh/light/v1/{site}/stop")
    assert lamp.hears(f"osh/light/v1/{LAMP}/stop")
    assert lamp.heard == [f"osh/light/v1/{LAMP}/stop"]
    assert lamp.say(f"osh/light/v1/{LAMP}/stop") == DENIED


@pytest.mark.parametrize(("user", "password"), [("", ""), (AGENT, "wrong"), ("nobody", "x"), (CENTRE, "")], ids=["anonymous", "wrong password", "unknown user", "no password"])
@pytest.mark.parametrize("listener", ["tls", "loopback"])
def test_nobody_enters_without_a_password(broker, user: str, password: str, listener: str) -> None:
    port, ca = (broker.tls_port, str(broker.secrets / "ca.crt")) if listener == "tls" else (broker.plain_port, None)
    person = Person(user, password, port, ca)
    try:
        assert person.answer() == DENIED
    finally:
        person.close()


def test_another_agents_password_does_not_help(broker) -> None:
    person = Person(AGENT, broker.password(OTHER), broker.tls_port, str(broker.secrets / "ca.crt"))
    try:
        assert person.answer() == DENIED
    finally:
        person.close()


def test_the_network_listener_speaks_tls_only(broker) -> None:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(AGENT, broker.password(AGENT))
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", broker.tls_port)
    client.loop_start()
    assert not connected.wait(0.5)
    client.disconnect()
    client.loop_stop()


class Devices:
    """Devices with certificates of the broker's authority, as the commented lines of mosquitto.conf want them."""

    def __init__(self, secrets) -> None:
        self.secrets = secrets
        (secrets / "index.txt").touch()
        (secrets / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={secrets}/index.txt\nserial={secrets}/serial\nnew_certs_dir={secrets}\ncertificate={secrets}/ca.crt\n"
            f"private_key={secrets}/ca.key\ndefault_md=sha256\ndefault_days=30\ndefault_crl_days=30\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n"
        )

    def enrol(self, name: str) -> tuple[str, str]:
        key, request, certificate = (self.secrets / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self._openssl("ca", "-batch", "-config", self.secrets / "ca.cnf", "-in", request, "-out", certificate)
        return str(certificate), str(key)

    def revoke(self, certificate: str) -> None:
        self._openssl("ca", "-config", self.secrets / "ca.cnf", "-revoke", certificate)
        self.publish_revocations()

    def publish_revocations(self) -> None:
        self._openssl("ca", "-config", self.secrets / "ca.cnf", "-gencrl", "-out", self.secrets / "revoked.crl")

    def _openssl(self, *arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=20)


def test_devices_with_certificates_are_known_by_them_until_revoked(make_secrets, start_broker) -> None:
    secrets = make_secrets()
    devices = Devices(secrets)
    certificate, key = devices.enrol(AGENT)
    devices.publish_revocations()
    wanted = ("require_certificate true", "use_identity_as_username true", "crlfile ")

    def uncommented(text: str) -> str:
        for line in wanted:
            assert f"#{line}" in text
            text = text.replace(f"#{line}", line)
        return text

    broker = start_broker(secrets, uncommented)
    person = Person(AGENT, "", broker.tls_port, str(secrets / "ca.crt"), (certificate, key))
    try:
        assert person.answer() == 0
        assert person.say(f"osh/v1/{AGENT}/data") in (0, 16)
        assert person.say(f"osh/v1/{OTHER}/data") == DENIED
    finally:
        person.close()
    devices.revoke(certificate)
    broker.process.send_signal(signal.SIGHUP)  # reads the list again
    deadline = time.monotonic() + 5
    while enters(broker, certificate, key):
        assert time.monotonic() < deadline, "a revoked device still enters"


def enters(broker, certificate: str, key: str) -> bool:
    try:
        person = Person(AGENT, "", broker.tls_port, str(broker.secrets / "ca.crt"), (certificate, key))
    except (ssl.SSLError, ConnectionError):
        return False
    try:
        return person.answer() == 0
    finally:
        person.close()
