"""A site's own alarm policy: stricter at once, less strict only when both sides say so, never beyond what no site may agree to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from alerts.policies import enter, sign, site_policies, versions_of
from alerts.policy import load_policy
from alerts.policy.site import LevelChange, PagingChange, SitePolicy, applied, in_force, less_strict, parse_site_policy, stricter
from domain.errors import BadInput, NotFound
from domain.hazards import Severity
from domain.scope import Role
from oshwatch.testing import FakeClock

BASE = load_policy()
TYPES = [row.type for row in BASE.file.alarms if Severity.ACTION in row.levels]


def heat(**values: Any) -> SitePolicy:
    return SitePolicy(reason="agreed in the meeting", alarms={"heat": {Severity.ACTION: LevelChange(**values)}})


changes = st.builds(
    LevelChange,
    on_delay_s=st.none() | st.sampled_from([0.0, 30.0, 60.0, 300.0]),
    off_delay_s=st.none() | st.sampled_from([0.0, 60.0, 600.0, 900.0]),
    deadband=st.none() | st.sampled_from([0.0, 0.3, 1.0]),
    margin=st.none() | st.sampled_from([0.0, 0.5, 1.0]),
    latching=st.none() | st.booleans(),
    respond_within_min=st.none() | st.sampled_from([5, 30, 60, 240]),
    responses=st.none() | st.just({"vi": "Nghỉ ở nơi mát"}),
)
pagings = st.builds(PagingChange, action=st.none() | st.lists(st.sampled_from(list(Role)), min_size=1, max_size=3, unique=True))
policies = st.builds(SitePolicy, alarms=st.dictionaries(st.sampled_from(TYPES), st.fixed_dictionaries({Severity.ACTION: changes}), max_size=3), paging=pagings)


@given(one=policies, other=policies)
@settings(max_examples=60, deadline=None)
def test_the_stricter_of_two_policies_is_less_strict_than_neither(one: SitePolicy, other: SitePolicy) -> None:
    first, second = applied(BASE, one), applied(BASE, other)
    both = stricter(first, second)
    assert less_strict(first, both) == []
    assert [field for field in less_strict(second, both) if not field.endswith("responses")] == []


@given(policy=policies)
@settings(max_examples=60, deadline=None)
def test_a_policy_against_itself_is_not_less_strict(policy: SitePolicy) -> None:
    made = applied(BASE, policy)
    assert less_strict(made, made) == []
    assert stricter(made, made).file == made.file


def test_a_stricter_policy_acts_at_once_with_nobodys_signature(engine: Engine, clock: FakeClock) -> None:
    enter(engine, clock, "f1", heat(margin=1.0, respond_within_min=15), valid_from_us=clock.now_us(), by="thu", side=None)
    policies = site_policies(engine)
    policies.refresh(clock.now_us())
    level = policies.for_site("f1").rows["heat"].levels[Severity.ACTION]
    assert (level.begins(28.2), level.respond_within_min) == (pytest.approx(27.2), 15)
    assert policies.for_site("k1").rows["heat"].levels[Severity.ACTION].margin == 0


def test_a_less_strict_one_is_contested_and_the_stricter_of_both_acts_until_both_sides_agree(engine: Engine, clock: FakeClock) -> None:
    version = enter(engine, clock, "f1", heat(on_delay_s=300, respond_within_min=15), valid_from_us=clock.now_us(), by="minh", side="management")
    held = in_force(BASE, versions_of(engine, "f1"), clock.now_us())
    assert (held.contested, held.less_strict) == (True, ["heat.action.on_delay_s"])
    level = held.policy.rows["heat"].levels[Severity.ACTION]
    assert (level.on_delay_s, level.respond_within_min) == (30, 15)

    sign(engine, clock, "f1", version.id, side="worker", agree=False, by="lan", text="too long in the heat")
    assert in_force(BASE, versions_of(engine, "f1"), clock.now_us()).contested
    sign(engine, clock, "f1", version.id, side="worker", agree=True, by="lan")
    held = in_force(BASE, versions_of(engine, "f1"), clock.now_us())
    assert (held.contested, held.policy.rows["heat"].levels[Severity.ACTION].on_delay_s) == (False, 300)


def test_one_side_twice_is_not_both(engine: Engine, clock: FakeClock) -> None:
    version = enter(engine, clock, "f1", heat(on_delay_s=300), valid_from_us=clock.now_us(), by="minh", side="management")
    sign(engine, clock, "f1", version.id, side="management", agree=True, by="khoa")
    assert in_force(BASE, versions_of(engine, "f1"), clock.now_us()).contested


def test_it_holds_from_its_date_on_and_is_followed_within_seconds(engine: Engine, clock: FakeClock) -> None:
    policies = site_policies(engine)
    policies.refresh(clock.now_us())
    enter(engine, clock, "f1", heat(margin=1.0), valid_from_us=clock.now_us() + 60_000_000, by="thu", side=None)
    clock.sleep(30)
    policies.refresh(clock.now_us())
    assert policies.for_site("f1").rows["heat"].levels[Severity.ACTION].margin == 0
    clock.sleep(31)
    policies.refresh(clock.now_us())
    assert policies.for_site("f1").rows["heat"].levels[Severity.ACTION].margin == 1


def test_the_words_of_a_site_are_read_in_its_language_and_the_tables_otherwise() -> None:
    level = applied(BASE, heat(responses={"vi": "Ra khu nghỉ mát"})).rows["heat"].levels[Severity.ACTION]
    assert level.say("vi") == "Ra khu nghỉ mát"
    assert level.say("km") == BASE.rows["heat"].levels[Severity.ACTION].response


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("alarms: {heat: {stop: {on_delay_s: 30}}}", "alarms.heat.stop.on_delay_s"),
        ("alarms: {heat: {action: {on_delay_s: 1000}}}", "alarms.heat.action.on_delay_s"),
        ("alarms: {heat: {stop: {respond_within_min: 60}}}", "alarms.heat.stop.respond_within_min"),
        ("alarms: {gossip: {action: {on_delay_s: 3}}}", "alarms.gossip"),
        ("alarms: {peak: {action: {off_delay_s: 3}}}", "alarms.peak.action"),
        ("alarms: {heat: {action: {responses: {Vietnamese: x}}}}", "alarms.heat.action.responses"),
        ("paging: {stop: [officer, management_representative]}", "paging.stop"),
        ("paging: {action: []}", "paging.action"),
        ("alarms: {heat: {action: {set_point: 40}}}", "set_point"),
        ("alarms: {heat: {action: {margin: -1}}}", "margin"),
    ],
)  # fmt: skip
def test_what_no_site_may_agree_to_is_refused_with_its_field(text: str, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_site_policy(text + "\n", BASE, source="f1.yaml")
    assert field in str(refused.value.field)


def test_a_policy_needs_a_reason_and_a_signature_a_policy(engine: Engine, clock: FakeClock) -> None:
    with pytest.raises(BadInput):
        enter(engine, clock, "f1", msgspec.structs.replace(heat(margin=1.0), reason=" "), valid_from_us=0, by="thu", side=None)
    with pytest.raises(NotFound):
        sign(engine, clock, "f1", "policy-0", side="worker", agree=True, by="lan")
