"""ISO 7243 reference values by class, as the printed tables have them."""

from __future__ import annotations

import pytest

from models.heat.iso7243 import is_verified, metabolic_class, reference_c


@pytest.mark.parametrize(
    ("watts", "used", "unused", "used_moving", "unused_moving"),
    [(115, 33, 32, 33, 32), (180, 30, 29, 30, 29), (300, 28, 26, 28, 26), (415, 25, 22, 26, 23), (520, 23, 18, 25, 20)],
)
def test_annex_a_of_1989(watts, used, unused, used_moving, unused_moving):
    found = [float(reference_c(watts, acclimatised, 1989, moving)) for moving in (False, True) for acclimatised in (True, False)]
    assert found == [used, unused, used_moving, unused_moving]
    assert bool(is_verified(watts, 1989))


@pytest.mark.parametrize(("watts", "used", "unused", "verified"), [(115, 33, 32, True), (180, 30, 29, False), (300, 28, 26, False), (415, 25, 22, False), (520, 23, 18, False)])
def test_table_a_1_of_2017_takes_the_lower_pair_where_quotations_disagree_and_says_so(watts, used, unused, verified):
    assert [float(reference_c(watts, True)), float(reference_c(watts, False))] == [used, unused]
    assert bool(is_verified(watts)) is verified


@pytest.mark.parametrize(("edition", "ends"), [(1989, (117, 234, 360, 468)), (2017, (125, 235, 360, 465))])
def test_a_class_ends_with_its_upper_value(edition, ends):
    for number, end in enumerate(ends):
        assert int(metabolic_class(end, edition)) == number
        assert int(metabolic_class(end + 0.1, edition)) == number + 1
