"""The agent put together: sensors → sampler → outbox → one uplink for each destination; starts, reloads and stops all of it."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from domain.clock import Clock, ScenarioClock
from domain.errors import BadInput
from domain.messages import CommandResult, Status
from domain.times import MINUTE_US, SECOND_US
from edge_agent.commands import Args, CommandRefused, Commands, number, text
from edge_agent.config import Loaded, load_config
from edge_agent.drivers.base import SensorTask, Surroundings
from edge_agent.drivers.registry import Sensor, channels_of, files_of, task_of
from edge_agent.health import HealthReport, host_uptime_s
from edge_agent.outbox import Outbox
from edge_agent.sampler import Sampler, SensorFeed
from edge_agent.timebase import Change, Correction, Timebase, kernel_synchronised
from edge_agent.uplink import Sources, Uplink, connection_of
from edge_agent.worker import Worker

log = logging.getLogger(__name__)

HOUSEKEEPING_S = 5.0
HOLD_UNSYNCHRONISED_US = 15 * MINUTE_US
"""Contract 3.1: unsynchronised packs wait at most this long for a synchronised clock."""
SENSOR_STOP_S, SAMPLER_STOP_S, UPLINK_STOP_S = 3.0, 5.0, 6.0
INTERVAL_S = (0.1, 3600.0)


@dataclass(slots=True)
class RunningSensor:
    """One sensor with its thread and its way in."""

    options: Sensor
    files: tuple[object, ...]
    task: SensorTask
    feed: SensorFeed
    worker: Worker


class Agent:
    """`run` blocks until `stop`; `reload` and `stop` may be called from a signal handler."""

    def __init__(
        self,
        config_path: Path,
        clock: Clock,
        *,
        version: str,
        chance: random.Random,
        synchronised: Callable[[], bool] = kernel_synchronised,
    ) -> None:
        self._config_path, self._version, self._chance = config_path, version, chance
        self._loaded = load_config(config_path)
        trusted = self._loaded.config.clock.trusted or isinstance(clock, ScenarioClock)
        self._timebase = Timebase(clock, trusted=trusted, synchronised=synchronised)
        self._outbox = Outbox(
            self._loaded.data_dir / "outbox.db",
            self._timebase,
            destinations=list(self._loaded.destinations),
            max_mb=self._loaded.config.outbox.max_mb,
            keep_hours=self._loaded.config.outbox.keep_hours,
        )
        self._sampler = Sampler(self._outbox, self._timebase, self._committed)
        self._sensors: dict[str, RunningSensor] = {}
        self._uplinks: list[Uplink] = []
        self._workers: list[Worker] = []
        self._started_us = self._timebase.monotonic_us()
        self._wake = threading.Event()
        self._stopping = self._reloading = False
        self._refused_config = ""
        self._commands = Commands(
            self._timebase,
            home=next(iter(self._loaded.destinations)),
            anyone={"identify": self._identify, "resend": self._resend},
            home_only={"set-interval": self._set_interval, "self-test": self._self_test},
        )

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def reload(self) -> None:
        self._reloading = True
        self._wake.set()

    def summary(self) -> str:
        """What this agent does, in one line."""
        config = self._loaded.config
        channels = sum(len(channels_of(sensor, self._loaded.folder)) for sensor in config.sensors)
        brokers = ", ".join(destination.url for destination in self._loaded.destinations.values())
        return f"{config.agent}: {len(config.sensors)} sensors, {channels} channels; outbox in {self._loaded.data_dir}; to {brokers}; Ctrl-C stops it"

    def run(self) -> None:
        self._outbox.begin(synchronised=self._timebase.synchronised)
        self._workers.append(Worker("sampler", self._sampler))
        self._start_uplinks()
        for sensor in self._loaded.config.sensors:
            self._start_sensor(sensor)
        try:
            while not self._stopping:
                self._wake.wait(HOUSEKEEPING_S)
                self._wake.clear()
                self._turn()
        finally:
            self._end()

    # --- parts ---

    def _turn(self) -> None:
        if self._reloading and not self._stopping:
            self._reloading = False
            self._reload()
        self._keep_time()
        self._outbox.commit()
        self._outbox.trim()

    def _start_uplinks(self) -> None:
        config = self._loaded
        connections = [connection_of(name, destination, config.path) for name, destination in config.destinations.items()]
        report = HealthReport(
            timebase=self._timebase,
            outbox=self._outbox,
            data_dir=config.data_dir,
            started_us=self._started_us,
            sensors=lambda: {name: running.feed.health() for name, running in list(self._sensors.items())},
            problems=self._problems,
            certificates={connection.name: connection.cert_file for connection in connections},
        )
        sources = Sources(status=self._status, health=report.message, command=self._command)
        for connection in connections:
            uplink = Uplink(config.config.agent, connection, self._outbox, sources, self._chance)
            self._uplinks.append(uplink)
            self._workers.append(Worker(f"uplink {connection.name}", uplink))

    def _start_sensor(self, options: Sensor) -> None:
        feed = SensorFeed(options.id, self._loaded.config.agent, options.simulated, self._timebase, self._sampler.put, self._sampler.moment)
        around = Surroundings(timing=self._timebase, reporter=feed, host_uptime_s=host_uptime_s())
        task = task_of(options, self._loaded.folder, around)
        self._sensors[options.id] = RunningSensor(options, files_of(options, self._loaded.folder), task, feed, Worker(f"sensor {options.id}", task))

    def _stop_sensors(self, names: list[str]) -> None:
        stopping = [self._sensors.pop(name) for name in names]
        for running in stopping:
            running.worker.stop()
        for running in stopping:
            if not running.worker.join(SENSOR_STOP_S):
                log.error("sensor %s does not end; its port stays taken", running.options.id)

    def _end(self) -> None:
        self._stop_sensors(list(self._sensors))
        sampler, *uplinks = self._workers
        sampler.stop()
        if not sampler.join(SAMPLER_STOP_S):
            log.error("the sampler does not end")
        for worker in uplinks:
            worker.stop()
        for worker in uplinks:
            worker.join(UPLINK_STOP_S)
        self._outbox.close()

    def _committed(self) -> None:
        for uplink in self._uplinks:
            uplink.wake()

    def _look_again(self) -> None:
        for uplink in self._uplinks:
            uplink.look_again()

    # --- time ---

    def _keep_time(self) -> None:
        with self._sampler.still():
            correction = self._timebase.check()
            if correction is not None:
                self._correct(correction)
        if correction is None and self._timebase.synchronised:
            return
        if not self._timebase.synchronised:
            self._outbox.release_unsynchronised(self._timebase.now_us() - HOLD_UNSYNCHRONISED_US)
        self._look_again()

    def _correct(self, correction: Correction) -> None:
        """Each reading is stamped and committed with the clock of its own boot."""
        log.warning("the clock was %s: times so far are corrected by %.3f s", correction.change.value, correction.offset_us / SECOND_US)
        self._sampler.flush()
        self._outbox.synchronised(correction.offset_us)
        if correction.change is Change.STEPPED:
            self._outbox.begin(after_stop=False)
        for running in self._sensors.values():
            running.feed.corrected()

    # --- config ---

    def _reload(self) -> None:
        """A valid config: only what changed restarts. An invalid one: the last good stays, and the refusal is reported."""
        try:
            loaded = load_config(self._config_path)
            self._check_reload(loaded)
        except BadInput as error:
            self._refused_config = str(error)
            log.warning("the new config is refused, the last good one stays: %s", error)
            self._outbox.append_event("config", text=f"refused: {error}")
            self._committed()
            return
        self._refused_config = ""
        wanted = {sensor.id: sensor for sensor in loaded.config.sensors}
        changed = [name for name, running in self._sensors.items() if wanted.get(name) != running.options or running.files != files_of(running.options, loaded.folder)]
        self._loaded = loaded
        self._stop_sensors(changed)
        started = [sensor for name, sensor in wanted.items() if name not in self._sensors]
        for sensor in started:
            self._start_sensor(sensor)
        log.info("config %s: %d sensors stopped, %d started", loaded.digest, len(changed), len(started))
        self._outbox.append_event("config", text=f"applied {loaded.digest}: {len(changed)} sensors stopped, {len(started)} started")
        self._committed()

    def _check_reload(self, loaded: Loaded) -> None:
        before, after = self._loaded.config, loaded.config
        for name in ("agent", "data_dir", "mqtt", "clock", "outbox"):
            if getattr(before, name) != getattr(after, name):
                raise BadInput("cannot change while the agent runs", source=str(self._config_path), field=name, remedy="restart the agent")

    # --- what it says and does ---

    def _status(self, state: str) -> Status:
        return Status(
            state="online" if state == "online" else "offline",
            boot=self._outbox.boot,
            at=self._timebase.now_us() / SECOND_US,
            version=self._version,
            config=self._loaded.digest,
            held=self._outbox.held(),
        )

    def _problems(self) -> list[str]:
        found = self._outbox.problems()
        found += [f"sensor {name}: {running.feed.trouble_text}" for name, running in list(self._sensors.items()) if running.feed.trouble_text]
        found += [problem for uplink in self._uplinks for problem in uplink.problems()]
        workers = [*self._workers, *(running.worker for running in list(self._sensors.values()))]
        found += [f"{worker.name}: failed {worker.crashes} times and was started again, see the log" for worker in workers if worker.crashes]
        found += [f"config refused: {self._refused_config}"] if self._refused_config else []
        found += [] if self._timebase.synchronised else ["the clock is not synchronised: set up NTP, or clock: {trusted: true} if it is right"]
        return found

    def _command(self, destination: str, payload: bytes) -> CommandResult | None:
        return self._commands.answer(destination, payload)

    def _identify(self, destination: str, args: Args) -> str:
        log.warning("identify: this is %s", self._loaded.config.agent)
        return self.summary()

    def _resend(self, destination: str, args: Args) -> str:
        boot, low, high = text(args, "boot"), int(number(args, "from")), int(number(args, "to"))
        again, gone = self._outbox.resend(destination, boot, low, high)
        if not again and not gone:
            raise CommandRefused(f"nothing of boot '{boot}' from {low} to {high} is known here")
        self._look_again()
        return f"{again} will be sent again, {gone} are no longer here and declared as a gap"

    def _set_interval(self, destination: str, args: Args) -> str:
        running, seconds = self._sensors.get(text(args, "sensor")), number(args, "interval_s")
        if running is None:
            raise CommandRefused(f"there is no sensor '{args['sensor']}'")
        if not INTERVAL_S[0] <= seconds <= INTERVAL_S[1]:
            raise CommandRefused(f"interval_s is from {INTERVAL_S[0]:g} to {INTERVAL_S[1]:g}")
        running.task.interval_s = float(seconds)
        running.task.wake()
        self._outbox.append_event("config", sensor=running.options.id, text=f"interval set to {seconds:g} s by command, until the agent or the sensor restarts")
        return f"{running.options.id} every {seconds:g} s until the agent or the sensor restarts"

    def _self_test(self, destination: str, args: Args) -> str:
        problems = self._problems()
        if problems:
            raise CommandRefused("; ".join(problems))
        return f"{len(self._sensors)} sensors read, the outbox takes data, the clock is synchronised"
