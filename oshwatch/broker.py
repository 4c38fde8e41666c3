"""The demo's broker: a mosquitto on PATH, else amqtt in a process of its own. No anonymous listener, passwords drawn at each start."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from oshwatch.supervise import Child

CENTRE = "_centre"

AGENT_WRITES = ("data", "data/#", "status", "health", "event", "cmd/result")
AGENT_READS = ("ack", "cmd")
CENTRE_ALL = ("osh/v1/#", "osh/light/v1/#")

_SETTINGS = """\
per_listener_settings false
listener {port} 127.0.0.1
allow_anonymous false
password_file {directory}/passwords
acl_file {directory}/acl
persistence true
persistence_location {directory}/
autosave_on_changes false
autosave_interval 5
max_queued_messages 1000000
max_inflight_messages 2000
set_tcp_nodelay true
log_dest file {directory}/mosquitto.log
"""


def demo_broker(directory: Path, port: int, passwords: Mapping[str, str]) -> Child:
    """A broker that knows the centre and these agents (user → password), each confined to its own topics."""
    directory.mkdir(parents=True, exist_ok=True)
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    hasher = shutil.which("mosquitto_passwd")
    if mosquitto and hasher:
        return _mosquitto(mosquitto, hasher, directory, port, passwords)
    return _amqtt(directory, port, passwords)


def _mosquitto(binary: str, hasher: str, directory: Path, port: int, passwords: Mapping[str, str]) -> Child:
    (directory / "mosquitto.conf").write_text(_SETTINGS.format(port=port, directory=directory) + _user_line(), encoding="utf-8")
    rules = [f"user {CENTRE}", *(f"topic readwrite {topic}" for topic in CENTRE_ALL)]
    rules += [f"pattern write osh/v1/%u/{kind}" for kind in AGENT_WRITES] + [f"pattern read osh/v1/%u/{kind}" for kind in AGENT_READS]
    file = directory / "passwords"
    file.write_text("".join(f"{user}:{password}\n" for user, password in passwords.items()), encoding="utf-8")
    for path in (file, directory / "acl"):
        path.touch()
        path.chmod(0o600)
    (directory / "acl").write_text("\n".join(rules) + "\n", encoding="utf-8")
    subprocess.run([hasher, "-U", str(file)], check=True, capture_output=True)  # hashes the file in place
    return Child(name="broker", command=[binary, "-c", str(directory / "mosquitto.conf")])


def _user_line() -> str:
    """Mosquitto started by root gives up its rights and then cannot read files of ours; it stays who we are."""
    import getpass

    with contextlib.suppress(OSError, KeyError):
        return f"user {getpass.getuser()}\n"
    return ""


def _amqtt(directory: Path, port: int, passwords: Mapping[str, str]) -> Child:
    from pwdlib.hashers.argon2 import Argon2Hasher

    hasher = Argon2Hasher(time_cost=1, memory_cost=8192)
    file = directory / "passwords"
    file.touch(mode=0o600)
    file.write_text("".join(f"{user}:{hasher.hash(password)}\n" for user, password in passwords.items()), encoding="utf-8")
    return Child(name="broker", command=[sys.executable, "-m", "oshwatch.broker", str(file), str(port)])


def _amqtt_settings(password_file: Path, port: int, agents: list[str]) -> dict[str, object]:
    writes = {agent: [f"osh/v1/{agent}/{kind}" for kind in AGENT_WRITES] for agent in agents} | {CENTRE: list(CENTRE_ALL)}
    reads = {agent: [f"osh/v1/{agent}/{kind}" for kind in AGENT_READS] for agent in agents} | {CENTRE: list(CENTRE_ALL)}
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 1_000}},
        "plugins": {
            "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(password_file)},
            "amqtt.plugins.topic_checking.TopicAccessControlListPlugin": {"publish_acl": writes, "acl": reads},
        },
    }


async def _serve(password_file: Path, port: int) -> None:
    from amqtt.broker import Broker

    users = [line.partition(":")[0] for line in password_file.read_text(encoding="utf-8").splitlines()]
    broker = Broker(_amqtt_settings(password_file, port, [user for user in users if user != CENTRE]))
    await broker.start()
    ended = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)
    await ended.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
