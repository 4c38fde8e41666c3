"""Any order of steps by the system, by people and by two processes at once: the laws of an alert's life."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts import actions
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.state import Alert, fold
from alerts.states import AlertStates
from domain.errors import BadInput, Conflict, NotFound, Refused
from domain.hazards import Severity
from domain.registry import SiteFile
from domain.scope import Role, Scope
from domain.yamltext import parse_yaml
from oshwatch.testing import FakeClock
from storage.records.engine import open_records
from storage.records.journal import JournalRepository, Key, StepKind
from storage.records.registry import RegistryRepository

KEYS = [Key("f1.a", "heat", "heat"), Key("f1.a", "gas:co", "ceiling"), Key("f1.b", "heat", "heat")]
POLICY = load_policy()
FACTORY = "site: {id: f1, name: F, timezone: UTC, country: VN}\nzones: [{id: a, name: A}, {id: b, name: B}]\n"


class AlertLife(RuleBasedStateMachine):
    """Two recorders stand for two processes on one database."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.mkdtemp()
        self.clock = FakeClock()
        self.engine = open_records(f"sqlite:///{self.directory}/o.db")
        RegistryRepository(self.engine).import_file(parse_yaml(FACTORY, SiteFile, source="f"), valid_from_us=None, author="t", reason="t", now_us=0)
        self.journal = JournalRepository(self.engine)
        names = itertools.count()
        self.new_id = lambda: f"a{next(names)}"
        self.recorders = [Recorder(self.engine, self.clock, POLICY, self.new_id) for _ in range(2)]
        self.stale: dict[tuple[int, Key], Alert | None] = {}
        self.latched_without_reset: set[str] = set()

    def teardown(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self.directory)

    @rule(process=st.integers(0, 1), key=st.sampled_from(KEYS), stop=st.booleans(), value=st.floats(20, 50), uses_stale=st.booleans())
    def condition_seen(self, process: int, key: Key, stop: bool, value: float, uses_stale: bool) -> None:
        self.clock.sleep(61)
        finding = Finding(
            site="f1", zone=key.zone, hazard=key.hazard, type=key.type, severity=Severity.STOP if stop else Severity.ACTION, event_us=self.clock.now_us(), value=value, unit="Cel"
        )
        known = self.stale.get((process, key)) if uses_stale else None
        self.stale[process, key] = self.recorders[process].seen(finding, known if known and known.open else None)

    @rule(process=st.integers(0, 1))
    def killed(self, process: int) -> None:
        """A process dies between two steps: it starts from what is stored, with the same alerts."""
        before = {alert.id: alert for alert in self.all_alerts()}
        self.recorders[process] = Recorder(self.engine, self.clock, POLICY, self.new_id)
        for key in KEYS:
            self.stale.pop((process, key), None)
        for alert in self.recorders[process].states.open():
            assert alert == before[alert.id]
            self.stale[process, alert.key] = alert

    @rule(seconds=st.integers(-3600, 3600))
    def clock_steps(self, seconds: int) -> None:
        self.clock.sleep(seconds)

    @precondition(lambda self: self.stale)
    @rule(data=st.data(), ago_s=st.integers(0, 7200))
    def the_same_comes_again_late(self, data: st.DataObject, ago_s: int) -> None:
        """A condition of the past, duplicated or out of order, calls nobody anew: no acknowledgement is lost by it unless it is a new excursion or worse."""
        (process, key), alert = data.draw(st.sampled_from(sorted(self.stale.items(), key=lambda item: item[0])))
        if alert is None:
            return
        before = fold(self.journal.steps(alert.id))
        event_us = before.raised_at_us - ago_s * 1_000_000
        finding = Finding(site="f1", zone=key.zone, hazard=key.hazard, type=key.type, severity=before.severity, event_us=event_us, value=before.value, unit="Cel")
        self.recorders[process].seen(finding)
        after = fold(self.journal.steps(alert.id))
        assert after.acknowledgements == before.acknowledgements
        assert after.called_by == before.called_by

    @precondition(lambda self: self.stale)
    @rule(data=st.data(), lost=st.booleans())
    def condition_over_or_blind(self, data: st.DataObject, lost: bool) -> None:
        self.clock.sleep(61)
        (process, _), alert = data.draw(st.sampled_from(sorted(self.stale.items(), key=lambda item: item[0])))
        if alert is not None:
            recorder = self.recorders[process]
            (recorder.data_lost if lost else recorder.returned)(alert, self.clock.now_us())

    @precondition(lambda self: self.stale)
    @rule(
        data=st.data(),
        role=st.sampled_from(list(Role)),
        act=st.sampled_from([
            actions.acknowledge, actions.comment, actions.confirm, actions.shelve, actions.unshelve, actions.reset, actions.out_of_service, actions.return_to_service,
            actions.suppress_by_design, actions.end_suppression,
        ]),
        minutes=st.integers(-5, 800),
    )  # fmt: skip
    def person_acts(self, data: st.DataObject, role: Role, act: object, minutes: int) -> None:
        self.clock.sleep(1)
        alert = data.draw(st.sampled_from(sorted(self.stale.items(), key=lambda item: item[0])))[1]
        if alert is None:
            return
        before = fold(self.journal.steps(alert.id))
        extra = [minutes] if act in (actions.shelve, actions.suppress_by_design) else []
        try:
            after = act(self.engine, self.clock, Scope(user=role.value, role=role, grant="f1"), alert.id, "because", *extra)  # type: ignore[operator]
        except (Refused, BadInput, Conflict, NotFound):
            assert fold(self.journal.steps(alert.id)) == before
            return
        assert role in (Role.OFFICER, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE)
        assert after == fold(self.journal.steps(alert.id))

    @invariant()
    def never_two_open_of_one_key(self) -> None:
        alerts = self.all_alerts()
        still_open = [alert.key for alert in alerts if alert.open]
        assert len(still_open) == len(set(still_open))
        assert {fold(steps).id for steps in self.journal.load_open().values()} == {alert.id for alert in alerts if alert.open}

    @invariant()
    def a_stop_level_alert_is_never_shelved_nor_out_of_service(self) -> None:
        assert not [alert for alert in self.all_alerts() if alert.severity is Severity.STOP and alert.suppression in ("shelved", "out_of_service")]

    @invariant()
    def what_latched_closes_only_by_a_reset_and_an_alarm_only_acknowledged(self) -> None:
        for alert in self.all_alerts():
            kinds = [step.kind for step in self.journal.steps(alert.id)]
            latching = any(step.detail.latching for step in self.journal.steps(alert.id))
            if not alert.open:
                assert StepKind.RETURNED in kinds
                assert StepKind.ACKNOWLEDGED in kinds
                assert not latching or StepKind.RESET in kinds

    @invariant()
    def an_active_alert_is_open_and_its_word_says_what_it_is(self) -> None:
        for alert in self.all_alerts():
            assert not alert.active or alert.open
            assert (alert.state == "normal") == (not alert.open)

    @invariant()
    def the_state_table_says_what_the_journal_adds_up_to(self) -> None:
        folded = {alert.id: alert for alert in self.all_alerts()}
        states = AlertStates(self.engine)
        assert {alert.id: alert for _, alert in states.page(None, limit=1000)} == folded
        assert {alert.id for alert in states.open()} == {id for id, alert in folded.items() if alert.open}

    def all_alerts(self) -> list[Alert]:
        return [fold(self.journal.steps(step.alert)) for step in self.journal.raised(None)]


AlertLife.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
test_alert_life = pytest.mark.timeout(120)(AlertLife.TestCase)


def test_the_journal_gives_back_what_was_put_in(tmp_path: Path) -> None:
    engine = open_records(f"sqlite:///{tmp_path}/o.db")
    recorder = Recorder(engine, FakeClock(), POLICY)
    finding = Finding(
        site="f1",
        zone="f1.a",
        hazard="heat",
        type="heat",
        severity=Severity.ACTION,
        event_us=5,
        value=30.25,
        unit="Cel",
        evidence={"channels": ["a.b.c"], "low": None, "coverage": 0.5},
    )
    alert = recorder.seen(finding)
    assert alert is not None
    (step,) = JournalRepository(engine).since(0)
    assert (step.detail.evidence, step.detail.value, step.event_us, step.alert) == (finding.evidence, 30.25, 5, alert.id)
    assert alert == fold([step])
    engine.dispose()
