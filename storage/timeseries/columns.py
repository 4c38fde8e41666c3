"""Minutes as columns, for whoever reads many: no object a minute. A store that has them in columns gives them so; of any other they are made from its minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from domain.reading import Minute
from storage.timeseries.port import TimeSeries

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers: TypeAlias = "Sequence[int] | npt.NDArray[np.int64]"
    Floats: TypeAlias = "Sequence[float] | npt.NDArray[np.float64]"


@dataclass(slots=True)
class MinuteColumns:
    """The minutes of one channel, ascending, as lists or as arrays; `low` and `high` say nothing where `valid` is 0."""

    start_us: Integers = ()
    valid: Integers = ()
    rejected: Integers = ()
    total: Floats = ()
    low: Floats = ()
    high: Floats = ()
    saturated: Integers = ()
    below_detection: Integers = ()
    reasons: list[tuple[int, ...]] = field(default_factory=list)


@runtime_checkable
class ColumnStore(Protocol):
    """A store that keeps minutes in columns."""

    def read_minute_columns(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, MinuteColumns]:
        """As `read_minutes`."""
        ...


def columns_of(minutes: Sequence[Minute]) -> MinuteColumns:
    return MinuteColumns(
        [minute.start_us for minute in minutes],
        [minute.valid for minute in minutes],
        [minute.rejected for minute in minutes],
        [minute.total for minute in minutes],
        [0.0 if minute.low is None else minute.low for minute in minutes],
        [0.0 if minute.high is None else minute.high for minute in minutes],
        [minute.saturated for minute in minutes],
        [minute.below_detection for minute in minutes],
        [minute.reasons for minute in minutes],
    )


def read_columns(store: TimeSeries, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, MinuteColumns]:
    """From any store."""
    if isinstance(store, ColumnStore):
        return store.read_minute_columns(channels, start_us, stop_us)
    return {channel: columns_of(minutes) for channel, minutes in store.read_minutes(channels, start_us, stop_us).items()}
