"""The agent's time follows the monotonic clock; the wall clock is believed when it is synchronised, and a step only when it stays."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.timebase import STEP_MUST_LAST_US, Change, Correction, Timebase

T0 = 1_763_800_000_000_000


@dataclass
class TwoClocks:
    """Wall and monotonic clock apart."""

    wall_us: int = T0
    mono_us: int = 5_000_000

    def now_us(self) -> int:
        return self.wall_us

    def monotonic_us(self) -> int:
        return self.mono_us

    def sleep(self, seconds: float) -> None:
        self.wall_us += round(seconds * 1e6)
        self.mono_us += round(seconds * 1e6)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(-4_000_000_000, 4_000_000_000)), max_size=20))
def test_within_a_boot_time_never_goes_back_whatever_the_wall_clock_does(moves: list[tuple[int, int]]) -> None:
    clocks = TwoClocks()
    timebase = Timebase(clocks, trusted=False, synchronised=lambda: False)
    before = timebase.now_us()
    for seconds, jump in moves:
        clocks.sleep(seconds)
        clocks.wall_us += jump
        assert timebase.check() is None
        assert timebase.now_us() == before + seconds * 1_000_000
        before = timebase.now_us()


def test_the_first_synchronisation_says_by_how_much_the_boot_was_wrong() -> None:
    clocks, synchronised = TwoClocks(), [False]
    timebase = Timebase(clocks, trusted=False, synchronised=lambda: synchronised[0])
    assert not timebase.synchronised
    clocks.sleep(10)
    clocks.wall_us += 3_600_000_000
    synchronised[0] = True
    assert timebase.check() == Correction(change=Change.SYNCHRONISED, offset_us=3_600_000_000)
    assert timebase.synchronised
    assert timebase.now_us() == clocks.wall_us
    assert timebase.check() is None


def test_a_step_that_goes_away_is_not_followed_and_one_that_stays_is() -> None:
    clocks = TwoClocks()
    timebase = Timebase(clocks, trusted=True)
    clocks.wall_us -= 3_600_000_000
    assert timebase.check() is None
    assert timebase.now_us() == T0
    clocks.wall_us += 3_600_000_000
    clocks.sleep(STEP_MUST_LAST_US / 1e6)
    assert timebase.check() is None
    clocks.wall_us -= 3_600_000_000
    assert timebase.check() is None
    clocks.sleep(STEP_MUST_LAST_US / 1e6)
    assert timebase.check() == Correction(change=Change.STEPPED, offset_us=-3_600_000_000)
    assert timebase.now_us() == clocks.wall_us


def test_slewing_is_no_step() -> None:
    clocks = TwoClocks()
    timebase = Timebase(clocks, trusted=True)
    for _ in range(10):
        clocks.sleep(60)
        clocks.wall_us += 50_000
        assert timebase.check() is None
