"""A bounded hand-over between two threads, and what a thread between two of them does; the end travels through too."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
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


class Stage(Generic[T]):
    """Takes each item, works on it, hands it on in order. What is in hand when the work raises is worked on again by the thread's next `run`.

    Several threads may run one stage: their work goes side by side, but for an item that is `alone`, whose work begins when all before it is done.
    """

    def __init__(self, source: Pipe[T], work: Callable[[T], None], target: Pipe[T], wait_s: float, alone: Callable[[T], bool] = lambda item: False) -> None:
        self._source, self._work, self._target, self._wait_s, self._alone = source, work, target, wait_s, alone
        self._hands: dict[int, tuple[int, T]] = {}  # thread → its turn and item
        self._taking = threading.Lock()
        self._changed = threading.Condition()
        self._taken = self._turn = 0
        self._broken = False

    def run(self) -> None:
        """Until the source has ended; raises `Stopped` when the work does."""
        try:
            while (hand := self._hand()) is not None or not self._source.finished:
                if hand is not None:
                    self._pass(*hand)
            with self._changed:
                if not self._hands:
                    self._target.end()
        except Stopped:
            self.give_up()
            self._target.end()
            raise

    def give_up(self) -> None:
        """Nothing more will be taken, and who waits for his turn waits no longer."""
        self._source.give_up()
        with self._changed:
            self._broken = True
            self._changed.notify_all()

    def oldest(self) -> T | None:
        """Of what is in hand."""
        return min(list(self._hands.values()), key=lambda hand: hand[0], default=(0, None))[1]

    def _hand(self) -> tuple[int, T] | None:
        me = threading.get_ident()
        if me not in self._hands:
            with self._taking:
                item = self._source.take(self._wait_s)
                if item is None:
                    return None
                self._hands[me] = self._taken, item
                self._taken += 1
        return self._hands[me]

    def _pass(self, turn: int, item: T) -> None:
        if self._alone(item):
            self._await(turn)
        self._work(item)
        self._await(turn)
        self._target.put(item)
        with self._changed:
            del self._hands[threading.get_ident()]
            self._turn += 1
            self._changed.notify_all()

    def _await(self, turn: int) -> None:
        with self._changed:
            while self._turn != turn:
                if self._broken:
                    raise Stopped
                self._changed.wait()
