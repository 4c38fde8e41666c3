"""A small process tree: children start in order, a child that dies is started again with back-off, all stop together; none outlives its parent."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)

STOP_WITHIN_S = 10.0
"""A part flushes and says goodbye in well under this; then it is killed."""
BACKOFF_S = (0.2, 1.0, 3.0, 10.0)
STABLE_S = 60.0
EXIT_BAD_INPUT = 2
TELL_EVERY_S = 5.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True, kw_only=True)
class Child:
    """One program of the tree."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    fatal_on_bad_input: bool = True
    quiet: bool = False  # what it prints is for programs, or of no use here
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started_at: float = 0.0
    next_start: float = 0.0
    quick_deaths: int = 0


class Supervisor:
    """Runs children until `stop` or a signal."""

    def __init__(self, tell: Callable[[Mapping[str, float]], None] | None = None) -> None:
        self.children: list[Child] = []
        self._stopping = threading.Event()
        self.tell, self._told_s = tell, 0.0

    def start(self, child: Child) -> None:
        self.children.append(child)
        self._spawn(child)

    def stop(self) -> None:
        self._stopping.set()

    def stop_on_signals(self) -> None:
        """SIGTERM and SIGINT stop the tree."""

        def handle(signum: int, frame: FrameType | None) -> None:
            self.stop()

        signal.signal(signal.SIGTERM, handle)
        signal.signal(signal.SIGINT, handle)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def run(self) -> int:
        """Watch the children until stopped; returns the exit code."""
        code = 0
        try:
            while not self._stopping.wait(0.2):
                code = self._watch()
                if code:
                    break
                self._tell_restarts()
        finally:
            self._end_all()
        return code

    def wait(self, seconds: float) -> bool:
        """Watch for a while; False when the tree is to stop."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._stopping.wait(0.05) or self._watch():
                return False
        return True

    def _watch(self) -> int:
        for child in self.children:
            if child.process is None:
                if time.monotonic() >= child.next_start:
                    child.restarts += 1
                    self._spawn(child)
                continue
            status = child.process.poll()
            if status is None:
                continue
            if status == EXIT_BAD_INPUT and child.fatal_on_bad_input:
                log.error("%s cannot start, see above", child.name)
                return EXIT_BAD_INPUT
            self._schedule(child, status)
        return 0

    def restarts(self) -> dict[str, float]:
        """How often each child was started again, and all of them together."""
        each = {f"restarts_{re.sub('[^a-z0-9]+', '_', child.name.lower())}": float(child.restarts) for child in self.children}
        return {"restarts": sum(each.values()), **each}

    def _tell_restarts(self) -> None:
        if self.tell is not None and time.monotonic() - self._told_s >= TELL_EVERY_S:
            self._told_s = time.monotonic()
            self.tell(self.restarts())

    def _schedule(self, child: Child, status: int) -> None:
        lived = time.monotonic() - child.started_at
        child.quick_deaths = 0 if lived > STABLE_S else child.quick_deaths + 1
        delay = BACKOFF_S[min(child.quick_deaths, len(BACKOFF_S) - 1)]
        child.process, child.next_start = None, time.monotonic() + delay
        log.warning("%s ended with %s after %.0f s; started again in %.1f s", child.name, status, lived, delay)

    def _spawn(self, child: Child) -> None:
        child.process = subprocess.Popen(
            list(child.command),
            env={**os.environ, **child.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if child.quiet else None,
            start_new_session=True,  # Ctrl-C reaches the parent only, which stops the children in order
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - started from the main thread before others run
        )
        child.started_at = time.monotonic()

    def _end_all(self) -> None:
        for child in reversed(self.children):
            if child.process and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for child in reversed(self.children):
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s does not stop; killed", child.name)
                child.process.kill()
                child.process.wait(5)


def python(*arguments: str) -> list[str]:
    """The command of another part of this distribution, in this interpreter."""
    return [sys.executable, "-m", "oshwatch", *arguments]


def _die_with_parent() -> None:
    """Linux sends SIGTERM to this child when its parent is gone, so that kill -9 of the parent leaves nothing behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
