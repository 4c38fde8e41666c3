"""Channels that were never heard before: their first results come with their first minutes, not with the next full minute."""

from __future__ import annotations

from collections.abc import Iterable

from assess.minutes import MinuteCache
from domain.times import MINUTE_US
from storage.timeseries.port import TimeSeries

NEW_FOR_US = 2 * MINUTE_US
"""How long a channel is looked at apart: what it kept from before it was known arrives in several parts, and its first minute takes as long as that to be on record."""


class Newcomers:
    """Asks the store only about channels that have just begun to speak."""

    def __init__(self, store: TimeSeries, cache: MinuteCache) -> None:
        self._store, self._cache = store, cache
        self._heard: set[str] | None = None  # None: at the first look everything is old
        self._new: dict[str, int] = {}  # channel → first heard

    def heard(self, channels: Iterable[str], now_us: int) -> None:
        """These have a last reading."""
        found = set(channels)
        if self._heard is not None:
            self._new.update(dict.fromkeys(found - self._heard, now_us))
        self._heard = found if self._heard is None else self._heard | found

    def behind(self, now_us: int) -> set[str]:
        """New ones of which the store has minutes that the cache has not read."""
        self._new = {channel: at_us for channel, at_us in self._new.items() if at_us > now_us - NEW_FOR_US}
        newest = self._store.last_minutes(sorted(self._new)) if self._new else {}
        return {channel for channel, start_us in newest.items() if start_us > self._cache.seen_us(channel, start_us)}
