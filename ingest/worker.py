"""A worker among several: holds leases on slots of the agents, and runs an ingest service for those that it holds.

When what it holds changes, the service commits what is in hand, acknowledges it and ends, and another begins with the new share: there is one way to begin,
and it is that of a restart. A slot that was taken away meanwhile is fenced off (`storage.records.leases`).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from domain.clock import SystemClock
from domain.errors import NotReady
from ingest.service import IngestService
from ingest.share import SERVICE, Share
from storage.records.leases import Lease, LeasesRepository, Round
from storage.records.services import ServicesRepository

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """A silent worker's slots are free after `lives_s`, and seen to be free `round_s` later: in all 10 s, of the 15 s that may pass until its agents are served again."""

    round_s: float = 2.0
    lives_s: float = 8.0


class Worker:
    """`run` until stopped. `begin` makes and starts the service of a share; `settled` is called each time the first slot was got, when all slots have an owner."""

    def __init__(
        self,
        *,
        leases: LeasesRepository,
        services: ServicesRepository,
        slots: int,
        name: str,
        token: str,
        begin: Callable[[Share, Callable[[], bool]], IngestService],
        settled: Callable[[], object] = lambda: None,
        timing: Timing | None = None,
    ) -> None:
        self._leases, self._services, self._begin, self._on_settled = leases, services, begin, settled
        self._slots, self._name, self._token = slots, name, token
        self._timing = timing or Timing()
        self._held: tuple[Lease, ...] = ()
        self._service: IngestService | None = None
        self._confirmed_s = float("-inf")
        self._takeovers = 0
        self._is_settled = False

    def run(self, stop: threading.Event) -> None:
        """Blocks; gives back what it holds at the end."""
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(ended,), name="leases", daemon=True)
        renewing.start()
        try:
            self._take_turns(stop)
            self._end_service()
        finally:
            ended.set()
            renewing.join()
        try:
            self._leases.leave(self._token)
        except NotReady as error:
            log.warning("the slots are free when their leases end: %s", error)
        self._beat(ready=False, problem="stopped")

    def _renew(self, ended: threading.Event) -> None:
        """Also while a service begins or ends: with many agents that takes longer than a lease."""
        while not ended.wait(self._timing.round_s):
            began_s, held = time.monotonic(), self._held
            try:
                if held and set(held) <= set(self._leases.renew(self._token, self._name, round(self._timing.lives_s * 1e6))):
                    self._confirmed_s = began_s
            except NotReady as error:
                log.warning("the leases cannot be renewed: %s", error)
            except Exception:
                log.exception("the leases cannot be renewed")

    def _take_turns(self, stop: threading.Event) -> None:
        while not stop.is_set():
            began_s = time.monotonic()
            try:
                self._turn(began_s)
            except NotReady as error:
                log.warning("the leases cannot be renewed: %s", error)
            stop.wait(max(0.0, self._timing.round_s - (time.monotonic() - began_s)))

    def sure(self) -> bool:
        """Whether no other worker can own the slots: only then may a connection be made, which throws out who has the session."""
        return time.monotonic() - self._confirmed_s < self._timing.lives_s

    def _turn(self, began_s: float) -> None:
        found = self._leases.round(self._token, self._name, self._slots, round(self._timing.lives_s * 1e6))
        self._takeovers += found.takeovers
        if found.held and found.held == self._held:
            self._confirmed_s = began_s
        if self._service is not None and self._service.fenced:
            self._end_service()
        if found.surplus or found.held != self._held or (found.held and self._service is None):
            self._change(found, began_s)
        if self._service is None:
            self._beat(ready=True)
        self._settle(found)

    def _change(self, found: Round, began_s: float) -> None:
        """Lost, got, or too many: the service begins anew with what stays."""
        keep = found.held[: len(found.held) - found.surplus]
        log.info("%s: slots %s of %d, %d workers", self._name, ", ".join(str(lease.slot) for lease in keep) or "none", self._slots, found.workers)
        self._end_service()
        self._held = keep
        if found.surplus:
            self._leases.release(self._token, [lease.slot for lease in found.held[len(keep) :]])
        self._confirmed_s, self._is_settled = began_s, False
        if keep:
            self._service = self._begin(Share(keep, self._slots, leases=self._leases, name=self._name, takeovers=self._takeovers), self.sure)

    def _settle(self, found: Round) -> None:
        if self._is_settled or found.free or not any(lease.slot == 0 for lease in self._held):
            return
        if self._service is not None and self._service.ready()[0]:
            self._is_settled = True
            self._on_settled()

    def _end_service(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            service.stop()
        self._held = ()

    def _beat(self, *, ready: bool, problem: str = "") -> None:
        counters = {"slots": float(self._slots), "slots_held": 0.0, "slots_taken_over": float(self._takeovers)}
        try:
            self._services.heartbeat(f"{SERVICE}-{self._name}", os.getpid(), SystemClock().now_us(), ready, problem, counters)
        except NotReady as error:
            log.info("no heartbeat: %s", error)
