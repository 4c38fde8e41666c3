"""Laws of a shift's results: more of what harms never makes a result lower, and no average is over its maximum."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.airborne.twa import twa_8h

SLOW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RESULTS = {
    "nh3": ("twa/niosh-nh3-twa", "stel_15min_max/niosh-nh3-st"),
    "sound_level_a_eq": ("dose_3db/niosh-noise-dose", "lex_8h/niosh-noise-rel"),
    "wbgt": ("wbgt_effective_60min_worst/niosh-rel",),
}
RANGE = {"nh3": (0.0, 60.0), "sound_level_a_eq": (60.0, 100.0), "wbgt": (18.0, 34.0)}


def of(make_house, quantity, values):
    house = make_house(shift={"stop": "09:00"})
    house.fill(house.channel(quantity, basis="personal"), values)
    return house.verdicts()


@SLOW
@given(data=st.data(), quantity=st.sampled_from(sorted(RESULTS)))
def test_raising_any_minutes_never_lowers_a_result_or_its_bounds(make_house, data, quantity):
    low, high = RANGE[quantity]
    values = data.draw(st.lists(st.floats(low, high).map(lambda value: round(value, 1)), min_size=120, max_size=120))
    first = data.draw(st.integers(0, 119))
    more = data.draw(st.floats(0.1, 5.0))
    raised = [value + more if first <= index < first + 30 else value for index, value in enumerate(values)]
    before, after = of(make_house, quantity, values), of(make_house, quantity, raised)
    for name in RESULTS[quantity]:
        for side in ("value", "low", "high"):
            assert getattr(after[name], side) >= getattr(before[name], side) - 1e-9


@SLOW
@given(values=st.lists(st.floats(0, 60).map(lambda value: round(value, 1)), min_size=120, max_size=120))
def test_a_shift_average_is_never_over_the_short_term_maximum_nor_that_over_the_highest_minute(make_house, values):
    found = of(make_house, "nh3", values)
    average, short = (found[name].value for name in RESULTS["nh3"])
    assert average <= short + 1e-9
    assert short <= max(values) + 1e-9


@given(values=st.lists(st.floats(0, 1e4), min_size=2, max_size=480), cut=st.integers(1, 479))
def test_splitting_a_shift_and_recombining_gives_the_same_average(values, cut):
    first, rest = values[: min(cut, len(values) - 1)], values[min(cut, len(values) - 1) :]
    assert abs(float(twa_8h(first) + twa_8h(rest)) - float(twa_8h(values))) <= 1e-9 * max(1.0, sum(values))
