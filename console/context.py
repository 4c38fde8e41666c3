"""What the console is handed by the front door, and what it builds from it once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import Engine

from alerts.state import Alert
from domain.clock import Clock, SystemClock
from domain.scope import Scope
from storage.records.people import Operator, PeopleRepository
from storage.timeseries.port import TimeSeries

if TYPE_CHECKING:
    from fastapi import Request

    from console.committee.rooms import CommitteeRooms
    from console.concerns import ConcernLimiter
    from console.hub import Hub
    from console.limiter import LoginLimiter
    from console.pages.render import Renderer
    from console.sources import Sources
    from console.stores import Stores
    from storage.records.concerns import BoardsRepository, ConcernsRepository

ROOM = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleContext:
    """Stores, clocks and facts of this installation."""

    engine: Engine
    timeseries: TimeSeries
    clock: Clock  # event time: a scenario's in a demo
    console_url: str = "http://127.0.0.1:8080"
    operator: Operator = "factory"
    version: str = ""
    wait_for_reading: bool = False  # /readyz waits for the first live reading
    checks: Mapping[str, Callable[[], None]] = field(default_factory=dict)  # further readiness checks; each raises NotReady
    retry_quarantine: Callable[[int], None] | None = None  # asks ingest to try an entry again; raises NotReady
    data_dir: Path | None = None  # where the committee's evidence is kept
    wall: Clock = field(default_factory=SystemClock)  # real time: sessions, heartbeats
    pseudo_locale: bool = False  # the right-to-left locale of the tests
    poll_s: float = 1.0

    @property
    def secure(self) -> bool:
        return self.console_url.startswith("https://")

    @property
    def origin(self) -> str:
        parts = urlsplit(self.console_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def cookie(self) -> str:
        """Browsers share cookies between the ports of a host, so that demos side by side need names of their own."""
        return "__Host-oshwatch" if self.secure else f"oshwatch-{urlsplit(self.console_url).port or 80}"


@dataclass(slots=True, kw_only=True)
class House:
    """Everything a route needs, at `request.app.state.house`."""

    context: ConsoleContext
    people: PeopleRepository
    sources: Sources
    stores: Stores
    hub: Hub
    limiter: LoginLimiter
    renderer: Renderer
    committee: CommitteeRooms
    boards: BoardsRepository
    concerns: ConcernsRepository
    concern_limiter: ConcernLimiter

    def open_alerts(self, scope: Scope) -> list[Alert]:
        """All of the caller's, the most urgent first."""
        return self.stores.inbox.open(scope, self.sources.snapshot())


def house_of(request: Request) -> House:
    house: House = request.app.state.house
    return house
