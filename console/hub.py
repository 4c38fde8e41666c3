"""The live stream: one poller reads the stores about once a second while anybody listens, and each listener's bounded queue gets what they may see."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from alerts.view import to_json
from console.context import ConsoleContext
from console.readings import reading_json
from console.sources import Sources
from console.stores import LiveRow, Stores
from domain.errors import OshwatchError
from domain.reading import Reading
from domain.registry import Snapshot
from domain.scope import Scope
from domain.times import to_rfc3339
from storage.records.agents import AgentRow

PING_S = 15.0
CHECK_S = 60.0
"""How often an open stream asks whether its session still stands."""
QUEUE_MAX = 1_000
"""Events that wait for one slow listener; beyond it the oldest are dropped and the listener is told to load the page anew."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One event, rendered once for all who may see it."""

    kind: str  # reading | zone | alert | agent
    site: str  # "" for what belongs to no site
    key: str  # channel, zone, alert or agent
    text: str


@dataclass(slots=True, kw_only=True, eq=False)
class Listener:
    """One open stream."""

    scope: Scope
    site: str
    channels: frozenset[str]  # empty: all
    every_s: float  # at most one event a channel in this time
    queue: deque[Event] = field(default_factory=deque)
    dropped: bool = False
    sites: frozenset[str] = frozenset()
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _sent: dict[str, float] = field(default_factory=dict)
    _held: dict[str, Event] = field(default_factory=dict)

    def offer(self, event: Event, now: float) -> None:
        if not self._sees(event):
            return
        if event.kind == "reading":
            if self.channels and event.key not in self.channels:
                return
            if now - self._sent.get(event.key, -self.every_s) < self.every_s - 0.2:
                self._held[event.key] = event
                return
            self._sent[event.key] = now
            self._held.pop(event.key, None)
        self._put(event)

    def release(self, now: float) -> None:
        """The latest of what was held back and is due now."""
        due = [key for key in self._held if now - self._sent.get(key, 0.0) >= self.every_s - 0.2]
        for key in due:
            self._sent[key] = now
            self._put(self._held.pop(key))

    def _sees(self, event: Event) -> bool:
        if self.site:
            return event.site == self.site and event.site in self.sites
        return event.site in self.sites or (event.site == "" and self.scope.grant == "*")

    def _put(self, event: Event) -> None:
        if len(self.queue) >= QUEUE_MAX:
            self.queue.popleft()
            self.dropped = True
        self.queue.append(event)
        self.wake.set()


@dataclass(slots=True)
class _Seen:
    """What the listeners know already; the first look only learns it."""

    primed: bool = False
    readings: dict[str, Reading] = field(default_factory=dict)
    zones: dict[str, bytes] = field(default_factory=dict)
    agents: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    journal: int = -1


class Hub:
    """Idle while nobody listens."""

    def __init__(self, context: ConsoleContext, sources: Sources, stores: Stores) -> None:
        self._context, self._sources, self._stores = context, sources, stores
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._someone = asyncio.Event()
        self._seen = _Seen()
        self.errors = 0

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def address(self, *, site: str, channels: Sequence[str], every_s: int) -> str:
        """What a page's own stream asks for."""
        query = {"site": site, "every": f"{every_s}s", "channels": ",".join(channels)}
        return "/api/v1/live?" + urlencode({name: value for name, value in query.items() if value}, safe=",:")

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="live hub")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def stream(self, listener: Listener, still_allowed: Callable[[], bool]) -> AsyncIterator[str]:
        """Server-sent events until the client goes or may no longer listen."""
        self._let_in(listener)
        try:
            yield "retry: 2000\n\n"
            number, checked = 0, time.monotonic()
            while True:
                while listener.queue:
                    number += 1
                    event = listener.queue.popleft()
                    yield f"id: {number}\nevent: {event.kind}\ndata: {event.text}\n\n"
                if listener.dropped:
                    listener.dropped = False
                    yield "event: reload\ndata: {}\n\n"
                if time.monotonic() - checked >= CHECK_S:
                    checked = time.monotonic()
                    if not await asyncio.to_thread(still_allowed):
                        return
                listener.wake.clear()
                try:
                    await asyncio.wait_for(listener.wake.wait(), PING_S)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._listeners.discard(listener)

    def _let_in(self, listener: Listener) -> None:
        if not self._listeners:
            self._seen = _Seen()
        self._listeners.add(listener)
        self._someone.set()

    async def _run(self) -> None:
        while True:
            if not self._listeners:
                self._someone.clear()
                await self._someone.wait()
            try:
                events = await asyncio.to_thread(self._poll)
                self._spread(events)
            except (OshwatchError, SQLAlchemyError, OSError) as error:
                self.errors += 1
                log.warning("live stream: %s", error)
            await asyncio.sleep(self._context.poll_s)

    def _spread(self, events: Sequence[Event]) -> None:
        now = time.monotonic()
        for listener in list(self._listeners):
            for event in events:
                listener.offer(event, now)
            listener.release(now)

    def _poll(self) -> list[Event]:
        """What changed since the last look, at the sites that somebody listens to."""
        snapshot = self._sources.snapshot()
        for listener in list(self._listeners):
            listener.sites = frozenset(id for id, site in snapshot.sites.items() if listener.scope.sees(site))
        sites = {site for listener in list(self._listeners) for site in ({listener.site} & listener.sites if listener.site else listener.sites)}
        events = [*self._readings(snapshot, sites), *self._zones(sites), *self._alerts(), *self._agents(snapshot)]
        primed, self._seen.primed = self._seen.primed, True
        return events if primed else []

    def _readings(self, snapshot: Snapshot, sites: Collection[str]) -> list[Event]:
        channels = [channel for channel in snapshot.channels.values() if channel.site in sites]
        last, before = self._sources.last(self._context.timeseries, channels), self._seen.readings
        events = [Event("reading", snapshot.channels[id].site, id, _reading_text(reading)) for id, reading in last.items() if reading != before.get(id)]
        before.update(last)
        return events

    def _zones(self, sites: Collection[str]) -> list[Event]:
        rows = self._stores.zone_states(sites)
        texts = {zone: (row.live.site, _zone_text(row)) for zone, row in rows.items()}
        before = self._seen.zones
        events = [Event("zone", site, zone, text.decode()) for zone, (site, text) in texts.items() if text != before.get(zone)]
        before.update({zone: text for zone, (_, text) in texts.items()})
        return events

    def _alerts(self) -> list[Event]:
        if self._seen.journal < 0:
            self._seen.journal = self._stores.journal_end()
            return []
        steps = self._stores.journal_since(self._seen.journal)
        self._seen.journal = max((step.id for step in steps), default=self._seen.journal)
        changed = self._stores.alerts_of({step.alert for step in steps})
        return [Event("alert", alert.site, alert.id, msgspec.json.encode(to_json(alert)).decode()) for alert in changed]

    def _agents(self, snapshot: Snapshot) -> list[Event]:
        rows = self._stores.agents.all()
        states = {row.agent: (row.state, row.version, row.config) for row in rows}
        before = self._seen.agents
        events = [Event("agent", snapshot.agents.get(row.agent, ""), row.agent, _agent_text(row)) for row in rows if states[row.agent] != before.get(row.agent)]
        before.update(states)
        return events


def _reading_text(reading: Reading) -> str:
    shape = reading_json(reading)
    return msgspec.json.encode({"channel": reading.channel, "time": shape.time, "value": shape.value, "q": shape.q, "r": shape.r}).decode()


def _zone_text(row: LiveRow) -> bytes:
    """What the floor shows of a zone; its `at` is left out, so that a zone where nothing changes says nothing."""
    live = row.live
    windows = [
        {
            "hazard": window.hazard,
            "metric": window.metric,
            "placement": window.placement,
            "value": None if window.value is None else round(window.value, 2),
            "status": window.status,
        }
        for window in live.windows
    ]
    return msgspec.json.encode({"zone": live.zone, "status": live.status, "since": to_rfc3339(row.since_us), "silent": len(live.silent), "windows": windows})


def _agent_text(row: AgentRow) -> str:
    return msgspec.json.encode({"agent": row.agent, "state": row.state, "since": to_rfc3339(row.state_since_us), "version": row.version}).decode()
