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

from alerts.presence import state_of
from alerts.view import to_json
from assess.live import LiveWindow
from console.context import ConsoleContext
from console.floors import main_window
from console.formats import decimals_of
from console.live_rows import LiveRow
from console.readings import reading_json
from console.sources import Sources
from console.stores import Stores
from domain.reading import Reading
from domain.registry import Snapshot
from domain.scope import Scope
from domain.times import to_rfc3339
from storage.records.agents import AgentRow

PING_S = 15.0
EARLY_S = 0.2
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
    brief: str = ""  # for pages that show no more than the main value
    urgent: bool = False  # may not wait: a status changed


@dataclass(slots=True, kw_only=True, eq=False)
class Listener:
    """One open stream."""

    scope: Scope
    site: str
    channels: frozenset[str]  # empty: all
    every_s: float  # values: at most one event a channel and a zone in this time
    brief: bool = False
    queue: deque[tuple[str, str]] = field(default_factory=deque)  # kind, text
    dropped: bool = False
    sites: frozenset[str] = frozenset()
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _sent: dict[str, float] = field(default_factory=dict)
    _last: dict[str, str] = field(default_factory=dict)
    _held: dict[str, Event] = field(default_factory=dict)

    def offer(self, event: Event, now: float) -> None:
        """Queue what this listener may see and wants; what comes too often waits for its turn."""
        if not self._sees(event) or (event.kind == "reading" and self.channels and event.key not in self.channels):
            return
        if event.kind not in ("reading", "zone"):
            self._put(event.kind, event.text)
        elif event.urgent or self._due(event.key, now):
            self._send(event, now)
        else:
            self._held[event.key] = event

    def release(self, now: float) -> None:
        """The latest of what was held back and is due now."""
        for key in [key for key in self._held if self._due(key, now)]:
            self._send(self._held[key], now)

    def _due(self, key: str, now: float) -> bool:
        return now - self._sent.get(key, -self.every_s) >= self.every_s - EARLY_S

    def _send(self, event: Event, now: float) -> None:
        self._held.pop(event.key, None)
        text = event.brief if self.brief and event.brief else event.text
        if self._last.get(event.key) != text:
            self._sent[event.key], self._last[event.key] = now, text
            self._put(event.kind, text)

    def _sees(self, event: Event) -> bool:
        if self.site:
            return event.site == self.site and event.site in self.sites
        return event.site in self.sites or (event.site == "" and self.scope.grant == "*")

    def _put(self, kind: str, text: str) -> None:
        if len(self.queue) >= QUEUE_MAX:
            self.queue.popleft()
            self.dropped = True
        self.queue.append((kind, text))
        self.wake.set()


@dataclass(slots=True)
class _Seen:
    """What the listeners know already; the first look only learns it."""

    primed: bool = False
    readings: dict[str, Reading] = field(default_factory=dict)
    zones: dict[str, LiveRow] = field(default_factory=dict)
    agents: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    journal: int = -1


class Hub:
    """Idle while nobody listens."""

    def __init__(self, context: ConsoleContext, sources: Sources, stores: Stores) -> None:
        self._context, self._sources, self._stores = context, sources, stores
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._someone = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = False
        self._seen = _Seen()
        self.errors = 0

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def address(self, *, site: str, channels: Sequence[str], every_s: int, brief: bool = False) -> str:
        """What a page's own stream asks for."""
        query = {"site": site, "every": f"{every_s}s", "windows": "main" if brief else "", "channels": ",".join(channels)}
        return "/api/v1/live?" + urlencode({name: value for name, value in query.items() if value}, safe=",:")

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="live hub")

    def end_streams(self) -> None:
        """Every stream ends at its next step; from any thread or signal handler."""
        self._ending = True
        if self._loop:
            self._loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        for listener in self._listeners:
            listener.wake.set()

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
            while not self._ending:
                while listener.queue:
                    number += 1
                    kind, text = listener.queue.popleft()
                    yield f"id: {number}\nevent: {kind}\ndata: {text}\n\n"
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
            listeners = list(self._listeners)
            try:
                events = await asyncio.to_thread(self._poll, listeners)
                self._spread(events, listeners)
            except Exception:
                # The top of this task: whatever it was, the next look may succeed, and the stream must not stop for ever.
                self.errors += 1
                log.exception("live stream: this look failed")
            await asyncio.sleep(self._context.poll_s)

    def _spread(self, events: Sequence[Event], listeners: Sequence[Listener]) -> None:
        now = time.monotonic()
        for listener in listeners:
            for event in events:
                listener.offer(event, now)
            listener.release(now)

    def _poll(self, listeners: Sequence[Listener]) -> list[Event]:
        """What changed since the last look, at the sites that somebody listens to."""
        snapshot = self._sources.snapshot()
        for listener in listeners:
            listener.sites = frozenset(id for id, site in snapshot.sites.items() if listener.scope.sees(site))
        sites = {site for listener in listeners for site in ({listener.site} & listener.sites if listener.site else listener.sites)}
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
        rows, before = self._stores.zone_states(sites), self._seen.zones
        events = [_zone_event(row, before.get(zone)) for zone, row in rows.items() if zone not in before or before[zone].now != row.now]
        before.update(rows)
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
        rows, clock = self._stores.agents.all(), self._context.clock
        held = {row.agent: state_of(row, clock.now_us(), clock) for row in rows}
        states = {row.agent: (held[row.agent][0], row.version, row.config) for row in rows}
        before = self._seen.agents
        events = [Event("agent", snapshot.agents.get(row.agent, ""), row.agent, _agent_text(row, *held[row.agent])) for row in rows if states[row.agent] != before.get(row.agent)]
        before.update(states)
        return events


def _reading_text(reading: Reading) -> str:
    shape = reading_json(reading)
    return msgspec.json.encode({"channel": reading.channel, "time": shape.time, "value": shape.value, "q": shape.q, "r": shape.r}).decode()


def _zone_event(row: LiveRow, before: LiveRow | None) -> Event:
    """Its `at` is left out, so that a zone where nothing changes says nothing."""
    live, main = row.now, main_window(row.now)
    head = {"zone": live.zone, "status": live.status, "since": to_rfc3339(row.since_us), "silent": len(live.silent)}
    full = {**head, "hazards": live.hazards, "windows": [_window(window) for window in live.windows]}
    brief = {**head, "windows": [_window(main)] if main else []}
    urgent = before is None or (before.now.status, before.now.hazards) != (live.status, live.hazards)
    return Event("zone", live.site, live.zone, msgspec.json.encode(full).decode(), msgspec.json.encode(brief).decode(), urgent)


def _window(window: LiveWindow) -> dict[str, object]:
    value = None if window.value is None else round(window.value, decimals_of(window.unit, window.value))
    return {"hazard": window.hazard, "metric": window.metric, "placement": window.placement, "value": value, "unit": window.unit, "status": window.status}


def _agent_text(row: AgentRow, state: str, since_us: int) -> str:
    return msgspec.json.encode({"agent": row.agent, "state": state, "since": to_rfc3339(since_us), "version": row.version}).decode()
