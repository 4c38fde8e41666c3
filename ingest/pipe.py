"""A bounded hand-over between two threads; the end travels through it too."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from ingest.patience import Stopped

T = TypeVar("T")


class Pipe(Generic[T]):
    """One thread puts, one takes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = self._broken = False

    def put(self, item: T) -> None:
        """Blocks while full; raises `Stopped` when nobody will take it any more."""
        with self._changed:
            while len(self._items) >= self._size and not self._broken:
                self._changed.wait()
            if self._broken:
                raise Stopped
            self._items.append(item)
            self._changed.notify_all()

    def take(self, wait_s: float) -> T | None:
        """The next item; None when none came in time."""
        with self._changed:
            if not self._items and not self._ended:
                self._changed.wait(wait_s)
            item = self._items.popleft() if self._items else None
            self._changed.notify_all()
            return item

    def end(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def give_up(self) -> None:
        """Nothing more will be taken."""
        with self._changed:
            self._broken = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        return self._ended and not self._items

    def __len__(self) -> int:
        return len(self._items)
