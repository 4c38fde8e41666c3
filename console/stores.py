"""The other rooms' records behind one door: live states, verdicts, alerts and what to do about them, devices, quarantine, heartbeats."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec
from sqlalchemy import Engine

from alerts import actions
from alerts.inbox import Inbox
from alerts.kpi import KpiService
from alerts.policies import site_policies
from alerts.policy import AlarmRow, Policy
from alerts.standing import stands
from alerts.state import Alert, fold
from alerts.states import AlertStates
from assess.live import LiveZone
from console.context import ConsoleContext
from console.live_rows import LiveRow, live_row
from domain.clock import Clock
from domain.errors import NotFound
from domain.hazards import ZoneStatus
from domain.registry import Snapshot
from domain.scope import Scope
from domain.shifts import Shift, current_shift, last_shift
from domain.times import DAY_US
from domain.verdict import Verdict
from storage.records.agents import AgentsRepository
from storage.records.gaps import GapsRepository
from storage.records.journal import JournalRepository, Step
from storage.records.lab_results import LabResultsRepository
from storage.records.quarantine import QuarantineRepository
from storage.records.services import ServicesRepository
from storage.records.suspects import SuspectsRepository
from storage.records.verdicts import Key, StoredVerdict, VerdictRepository
from storage.records.weather import WeatherRepository
from storage.records.zone_states import ZoneStatesRepository

Act = Callable[[Engine, Clock, Scope, str, str, int | None, str], Alert]
Plain = Callable[..., Alert]


def _plain(take: Plain) -> Act:
    """An action that has no end."""
    return lambda engine, clock, scope, alert, text, _, via: take(engine, clock, scope, alert, text, via=via)


def _timed(take: Plain) -> Act:
    return lambda engine, clock, scope, alert, text, minutes, via: take(engine, clock, scope, alert, text, minutes, via=via)


ACTIONS: Mapping[str, Act] = {
    "acknowledge": _plain(actions.acknowledge),
    "comment": _plain(actions.comment),
    "confirm": _plain(actions.confirm),
    "shelve": _timed(actions.shelve),
    "unshelve": _plain(actions.unshelve),
    "reset": _plain(actions.reset),
    "out-of-service": _plain(actions.out_of_service),
    "return-to-service": _plain(actions.return_to_service),
    "suppress-by-design": _timed(actions.suppress_by_design),
    "end-suppression": _plain(actions.end_suppression),
}

RECENT_US = 14 * DAY_US

_LIVE = msgspec.json.Decoder(LiveZone)


class Stores:
    """Every method that answers a person takes the sites that they may see."""

    def __init__(self, context: ConsoleContext) -> None:
        engine = context.engine
        self._engine, self._clock = engine, context.clock
        self._states, self._verdicts, self._journal = ZoneStatesRepository(engine), VerdictRepository(engine), JournalRepository(engine)
        self.inbox, self._open_states = Inbox(engine), AlertStates(engine)
        self.suspects, self.agents, self.quarantine, self.services = SuspectsRepository(engine), AgentsRepository(engine), QuarantineRepository(engine), ServicesRepository(engine)
        self.lab_results, self.gaps = LabResultsRepository(engine), GapsRepository(engine)
        self.weather = WeatherRepository(engine)
        self._policies = site_policies(engine)
        self.kpis = KpiService(engine, context.clock)

    def zone_states(self, sites: Collection[str]) -> dict[str, LiveRow]:
        """What is said of each zone now, by assess and by the alerts that stand."""
        now_us, standing = self._clock.now_us(), self._standing(sites)
        states = {state.zone: state for state in self._states.all(sites)}
        lives = {zone: _LIVE.decode(state.body) for zone, state in states.items()}
        return {zone: live_row(zone, lives.get(zone), states[zone].since_us if zone in states else 0, standing.get(zone, ()), now_us) for zone in sorted({*states, *standing})}

    def _standing(self, sites: Collection[str]) -> dict[str, list[Alert]]:
        """Alerts that hold the status of their zone."""
        found: dict[str, list[Alert]] = {}
        for alert in self._open_states.open(list(sites)):
            if stands(alert):
                found.setdefault(alert.zone, []).append(alert)
        return found

    def current_verdicts(self, site: str, snapshot: Snapshot, now_us: int) -> list[Verdict]:
        """Latest revisions of the shift that runs in each zone, or of its last one where none runs."""
        shifts = {(shift.date.isoformat(), shift.name) for shift in shifts_now(site, snapshot, now_us)}
        return [stored.verdict for stored in self._verdicts.for_shifts(site, shifts)]

    def verdicts(
        self, site: str, *, date: str | None, shift: str | None, zone: str | None, hazard: str | None, revisions: bool, shifts: Collection[tuple[str, str]] | None = None
    ) -> list[StoredVerdict]:
        """`shifts`: only these (date, name), where no date is asked for."""
        zones = [zone] if zone else None
        found = (self._verdicts.revisions if revisions else self._verdicts.latest)(site=site, zones=zones, date=date, shift=shift, hazard=hazard)
        return found if shifts is None else [stored for stored in found if (stored.verdict.shift.date, stored.verdict.shift.name) in shifts]

    def recent_verdicts(self, site: str, zone: str, since_us: int) -> list[Verdict]:
        """Latest revisions of a zone's results, of shifts that were on since then."""
        return [stored.verdict for stored in self._verdicts.latest(site=site, zones=[zone], start_us=since_us)]

    def verdict(self, id: int) -> StoredVerdict | None:
        return self._verdicts.get(id)

    def revisions(self, key: Key) -> list[StoredVerdict]:
        """All of one result, the oldest first."""
        return self._verdicts.of_key(key)

    def recent_alerts(self, scope: Scope, held: Snapshot, limit: int) -> list[Alert]:
        """The latest raised of the last two weeks, open or closed."""
        return list(reversed(self.inbox.latest(scope, held, since_us=self._clock.now_us() - RECENT_US, limit=limit)))

    def act(self, scope: Scope, alert: str, action: str, text: str, minutes: int | None, via: str = "") -> Alert:
        """One step of an alert, in this person's name."""
        take = ACTIONS.get(action)
        if take is None:
            raise NotFound(f"no action '{action}'; there are {', '.join(ACTIONS)}")
        return take(self._engine, self._clock, scope, alert, text, minutes, via)

    def journal_since(self, id: int) -> list[Step]:
        return self._journal.since(id)

    def journal_end(self) -> int:
        return self._journal.last_id()

    def alerts_of(self, ids: Collection[str]) -> list[Alert]:
        """As they are now; for the live stream, which looks at who may see them."""
        return [fold(steps) for steps in self._journal.steps_of(list(ids)).values()]

    def policy_of(self, site: str) -> Policy:
        """The alarm policy that holds there now."""
        self._policies.refresh(self._clock.now_us())
        return self._policies.for_site(site)

    def row(self, alert: Alert) -> AlarmRow | None:
        return self.policy_of(alert.site).rows.get(alert.type)

    def alert_title(self, alert: Alert) -> str:
        row = self.row(alert)
        return row.title if row else alert.type.replace("_", " ")

    def alert_advice(self, alert: Alert, language: str = "") -> str:
        """What to do: the site's own words where it has them, else a msgid."""
        row = self.row(alert)
        return row.level(alert.severity).say(language) if row else ""

    def advice(self, hazard: str, status: ZoneStatus) -> str:
        return self._policies.advice(hazard, status.value)


def shifts_now(site: str, snapshot: Snapshot, now_us: int) -> list[Shift]:
    """The running shifts of a site's zones; of a zone without one, its last."""
    timezone = snapshot.timezone(site)
    found: dict[tuple[str, str], Shift] = {}
    for zone in snapshot.zones_of(site):
        plan = snapshot.shifts_of(zone)
        shift = current_shift(plan, timezone, now_us) or last_shift(plan, timezone, now_us)
        if shift:
            found[(shift.date.isoformat(), shift.name)] = shift
    return list(found.values())


def running_and_last(site: str, snapshot: Snapshot, now_us: int) -> set[tuple[str, str]]:
    """(date, name) of the running and the last shift of each zone (contract 4: exposures without a date)."""
    timezone = snapshot.timezone(site)
    plans = [snapshot.shifts_of(zone) for zone in snapshot.zones_of(site)] or [snapshot.shifts.get(site, [])]
    shifts = [shift for plan in plans for shift in (current_shift(plan, timezone, now_us), last_shift(plan, timezone, now_us)) if shift]
    return {(shift.date.isoformat(), shift.name) for shift in shifts}
