"""The stricter of two looks at a zone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assess.live import LiveZone
from assess.live_contested import stricter
from domain.hazards import ZoneStatus, worst

STATUS = st.sampled_from(ZoneStatus)


def zone(status, heat):
    return LiveZone(site="f1", zone="f1.z1", at_us=0, shift=None, status=status, hazards={"heat": heat}, windows=[])


@given(STATUS, STATUS, STATUS, STATUS)
def test_of_the_zone_and_of_each_hazard_the_worse_one_is_shown(status, other, heat, other_heat):
    found = stricter(zone(status, heat), zone(other, other_heat))
    assert (found.status, found.hazards) == (worst([status, other]), {"heat": worst([heat, other_heat])})
