"""Quick forms of formulas give what their plain forms give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.heat.globe import globe_temperature_c, mean_radiant_temperature_c
from models.heat.niosh import ral_c, rel_c
from models.heat.rest import rest_minutes
from models.heat.tables import WbgtTable, WorkClass, WorkShare, limit_at_c, limit_c

degrees = st.floats(-20.0, 120.0)


@given(mrt=degrees, ta=degrees, v=st.floats(0.0, 5.0), diameter=st.floats(38.0, 150.0))
def test_the_globe_is_where_bisection_finds_it(mrt: float, ta: float, v: float, diameter: float) -> None:
    """Newton's steps end within what 60 halvings leave."""
    low, high = min(mrt, ta), max(mrt, ta)
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (low, middle) if float(mean_radiant_temperature_c(middle, ta, v, diameter)) > mrt else (middle, high)
    assert float(globe_temperature_c(mrt, ta, v, diameter)) == pytest.approx((low + high) / 2.0, abs=1e-8)


@given(st.integers(0, 2**32 - 1))
def test_a_globe_does_not_depend_on_its_neighbours(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mrt, ta, v = rng.uniform(-10.0, 90.0, 40), rng.uniform(10.0, 45.0, 40), rng.uniform(0.0, 2.0, 40)
    together = globe_temperature_c(mrt, ta, v)
    assert together.tolist() == pytest.approx([float(globe_temperature_c(*one)) for one in zip(mrt, ta, v, strict=True)], abs=1e-11)


@given(work=st.floats(20.0, 45.0), rest=st.floats(18.0, 40.0), rate=st.floats(120.0, 600.0), acclimatised=st.booleans())
def test_rest_is_what_halving_finds(work: float, rest: float, rate: float, *, acclimatised: bool) -> None:
    limit = rel_c if acclimatised else ral_c

    def over(minutes: float) -> bool:
        share = minutes / 60.0
        return work + share * (rest - work) > float(limit(rate + share * (115.0 - rate)))

    low, high = 0.0, 60.0
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if over(middle) else (low, middle)
    expected = 0.0 if not over(0.0) else np.nan if over(60.0) else high
    assert float(rest_minutes(work, rate, rest, limit)) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(rate=st.floats(100.0, 600.0), share=st.floats(0.0, 1.0))
def test_one_cell_of_a_table_is_that_of_the_whole(rate: float, share: float) -> None:
    rows = [WorkShare(share_from=0.75, limits_c=[31.0, 28.0, None]), WorkShare(share_from=0.25, limits_c=[32.5, 31.5, 30.0])]
    table = WbgtTable(classes=[WorkClass(name="light", up_to_w=234), WorkClass(name="moderate", up_to_w=360), WorkClass(name="heavy", up_to_w=468)], shares=rows)
    assert limit_at_c(table, rate, share) == pytest.approx(float(limit_c(table, rate, share)), abs=0.0, nan_ok=True)
