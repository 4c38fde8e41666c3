"""What a policy makes of a simulated factory, held against the truth: the same policy over what the sensors said and over what was there."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from alerts.history import History
from alerts.joint_calls import BEGINS, is_call
from alerts.kpi import Kpis, KpiService, quantile
from alerts.policy import Policy, Source
from alerts.recorded import Recorded, Table, entries_in, site_of
from alerts.trial import StaffedTrial, Trial, TrialClock, officer_of
from domain.errors import BadInput
from domain.hazards import Severity
from domain.registry import CalibrationSpec, Entry, Registry
from domain.shifts import shifts_between
from domain.times import DAY_US, MINUTE_US, to_rfc3339
from storage.records.engine import open_records
from storage.records.journal import JournalRepository, Step, StepKind
from storage.records.registry import RegistryRepository

SLACK_US = 15 * MINUTE_US
"""An alarm and the truth that it speaks of may begin and end so far apart: a quarter of an hour of averaging."""
CHATTERS_US, CHATTERS_FROM = 30 * MINUTE_US, 3
WEEK_US = 7 * DAY_US


class Spell(msgspec.Struct, kw_only=True):
    """A condition at one severity, from when it came to when it returned."""

    zone: str
    hazard: str
    type: str
    severity: Severity
    start_us: int
    stop_us: int
    is_over: bool = False  # its value was over the limit itself, not only near it
    is_called: bool = True  # people were called for it; else an earlier call had named it

    @property
    def at(self) -> str:
        return to_rfc3339(self.start_us)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The load that a policy makes, and how much of it is true."""

    site: str
    start: str
    stop: str
    days: float
    channels: int
    alarms: int  # each time that one came, and each time that it rose
    calls: int  # of them those for which people were called: the others had been named in an earlier call
    types: dict[str, int]
    per_shift_p95: float | None
    per_shift_mean: float | None
    per_shift_most: float | None
    per_day_most: int
    off_shift: int  # calls in no shift
    stops: int
    stops_true: int
    actions: int  # of what is measured; silent sensors are what they say
    actions_true: int
    false_pages: int  # nothing was over in truth, at whatever severity
    false_pages_a_week: float
    overstated: int  # stop alarms where in truth it was action
    false_types: dict[str, int]
    excursions: int  # true ones: over the limit in truth
    missed: list[str]  # no alarm at all
    understated: list[str]  # an alarm of a lower severity only
    chattering: dict[str, int]  # zone and type: came again within half an hour, three times or more in a row
    figures: dict[str, float | None]  # of ISA-18.2


@dataclass(frozen=True, slots=True)
class Run:
    """One table of a record under a policy."""

    spells: list[Spell]
    kpis: Kpis


def run_record(
    folder: Path,
    table: Table,
    policy: Policy,
    start_us: int,
    stop_us: int,
    *,
    agents: Collection[str] = (),
    every_us: int = MINUTE_US,
    progress: Callable[[int], None] = lambda _now_us: None,
) -> Run:
    """Looks at each `every_us`; instant rules see every reading. `agents`: only their channels."""
    entries, site = _entries(folder, agents), site_of(folder).site.id
    if table == "true":
        entries = [_without_correction(entry) for entry in entries]
    registry = Registry(entries)
    with tempfile.TemporaryDirectory(prefix="oshwatch-replay-") as name:
        engine, clock = open_records(f"sqlite:///{Path(name)}/trial.db"), TrialClock(start_us)
        RegistryRepository(engine).add(entries)
        staffed = StaffedTrial(Trial(engine, clock, policy, registry), officer_of(site))
        for now_us, live, readings in History(Recorded(folder, table), registry, site, every_us=every_us).minutes(start_us, stop_us):
            clock.at_us = now_us
            staffed.look(live, readings, now_us)
            if now_us % DAY_US < every_us:
                progress(now_us)
        clock.at_us = stop_us
        found = Run(spells_of(JournalRepository(engine), stop_us), KpiService(engine, clock).kpis(site, start_us, stop_us, shifts_of_site(folder, start_us, stop_us)))
        engine.dispose()
    return found


def shifts_of_site(folder: Path, start_us: int, stop_us: int) -> list[tuple[int, int]]:
    file = site_of(folder)
    zone = Registry(entries_in(folder)).latest().timezone(file.site.id)
    return [(shift.start_us, shift.stop_us) for shift in shifts_between(file.shifts, zone, start_us, stop_us)]


def spells_of(journal: JournalRepository, stop_us: int) -> list[Spell]:
    """In the order they came; one that rises to a higher severity is a spell of each."""
    found: list[Spell] = []
    running: dict[str, list[Spell]] = {}
    last = 0
    while steps := journal.since(last):
        last = steps[-1].id
        for step in steps:
            _follow(step, running, found, stop_us)
    return [spell for spell in found if spell.severity is not Severity.NOTICE]


def _follow(step: Step, running: dict[str, list[Spell]], found: list[Spell], stop_us: int) -> None:
    own = running.setdefault(step.alert, [])
    if step.kind in BEGINS:
        severity = step.detail.severity or Severity.NOTICE
        spell = Spell(zone=step.zone, hazard=step.hazard, type=step.type, severity=severity, start_us=step.event_us, stop_us=stop_us)
        spell.is_called = is_call(step)
        own.append(spell)
        found.append(spell)
    elif step.kind is StepKind.RETURNED:
        for spell in own:
            spell.stop_us = step.event_us
        own.clear()
    limit = step.detail.limit.value if step.detail.limit else None
    if step.detail.value is not None and limit is not None and step.detail.value > limit:
        for spell in own:
            spell.is_over = True


def judged(folder: Path, said: Run, true: Run, policy: Policy, start_us: int, stop_us: int, *, agents: Collection[str] = ()) -> Load:
    """Alarms of what the sensors said against the truth's."""
    spells, shifts = said.spells, shifts_of_site(folder, start_us, stop_us)
    measured = [spell for spell in spells if policy.rows[spell.type].source is not Source.SYSTEM]
    verdicts = [(spell, _is_true(spell, true.spells)) for spell in measured]
    wrong = [spell for spell, is_true in verdicts if not is_true]
    false = [spell for spell in wrong if not _is_known(spell, true.spells)]
    excursions = [spell for spell in true.spells if spell.is_over or spell.severity is Severity.STOP]
    unseen = [spell for spell in excursions if not _is_true(spell, spells)]
    calls = [spell for spell in spells if spell.is_called]
    by_shift = [sum(start <= spell.start_us < stop for spell in calls) for start, stop in shifts]
    stops = [is_true for spell, is_true in verdicts if spell.severity is Severity.STOP]
    others = [is_true for spell, is_true in verdicts if spell.severity is not Severity.STOP]
    return Load(
        site=site_of(folder).site.id,
        start=to_rfc3339(start_us),
        stop=to_rfc3339(stop_us),
        days=(stop_us - start_us) / DAY_US,
        channels=sum(entry.kind == "channel" for entry in _entries(folder, agents)),
        alarms=len(spells),
        calls=len(calls),
        types=dict(Counter(f"{spell.type} {spell.severity.value}" for spell in spells).most_common()),
        per_shift_p95=quantile(by_shift, 0.95),
        per_shift_mean=sum(by_shift) / len(by_shift) if by_shift else None,
        per_shift_most=max(by_shift, default=None),
        per_day_most=max(Counter(spell.start_us // DAY_US for spell in spells).values(), default=0),
        off_shift=len(calls) - sum(by_shift),
        stops=len(stops),
        stops_true=sum(stops),
        actions=len(others),
        actions_true=sum(others),
        false_pages=len(false),
        false_pages_a_week=len(false) * WEEK_US / (stop_us - start_us),
        overstated=len(wrong) - len(false),
        false_types=dict(Counter(f"{spell.zone} {spell.type} {spell.severity.value}" for spell in wrong).most_common()),
        excursions=len(excursions),
        missed=[_named(spell) for spell in unseen if not _is_known(spell, spells)],
        understated=[_named(spell) for spell in unseen if _is_known(spell, spells)],
        chattering=chattering(spells),
        figures={figure.id: figure.value for figure in said.kpis.figures},
    )


def _is_true(spell: Spell, others: Sequence[Spell]) -> bool:
    """Whether the others speak of the same hazard in the same zone at the same time, as severely."""
    return _is_known(spell, [other for other in others if other.severity.rank >= spell.severity.rank])


def _is_known(spell: Spell, others: Sequence[Spell]) -> bool:
    """The same at whatever severity."""
    return any(
        (other.zone, other.hazard) == (spell.zone, spell.hazard) and other.start_us - SLACK_US <= spell.stop_us and spell.start_us <= other.stop_us + SLACK_US for other in others
    )


def _named(spell: Spell) -> str:
    return f"{spell.at} {spell.zone} {spell.type} {spell.severity.value}"


def chattering(spells: Sequence[Spell]) -> dict[str, int]:
    """How many alarms of each zone and type came in rows of three or more, each half an hour or less after the last one came."""
    found: Counter[str] = Counter()
    times: dict[str, list[int]] = {}
    for spell in spells:
        times.setdefault(f"{spell.zone} {spell.type} {spell.severity.value}", []).append(spell.start_us)
    for source, starts in times.items():
        row = 1
        for before, after in zip(starts, [*starts[1:], 2**62], strict=True):
            if after - before <= CHATTERS_US:
                row += 1
                continue
            if row >= CHATTERS_FROM:
                found[source] += row
            row = 1
    return dict(found.most_common())


def _entries(folder: Path, agents: Collection[str]) -> list[Entry]:
    entries = entries_in(folder)
    known = {entry.id for entry in entries if entry.kind == "agent"}
    if unknown := sorted(set(agents) - known):
        raise BadInput(f"no agent '{unknown[0]}' in the record", field="--agents", remedy=f"there are {', '.join(sorted(known)[:10])}")
    return [entry for entry in entries if not agents or entry.kind not in ("agent", "channel") or entry.id.split(".")[0] in agents]


def _without_correction(entry: Entry) -> Entry:
    """What is true needs none; that the instrument was calibrated stays, since limits begin further below for one that was not."""
    if entry.kind != "calibration":
        return entry
    record = msgspec.json.decode(entry.body, type=CalibrationSpec)
    return msgspec.structs.replace(entry, body=msgspec.json.encode(msgspec.structs.replace(record, offset=0.0, gain=1.0)))


def table_of(load: Load) -> Mapping[str, str]:
    """For a person, beside what acceptance asks."""

    def share(part: int, whole: int) -> str:
        return f"{part} of {whole}" + (f" ({100 * part / whole:.0f} %)" if whole else "")

    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.3g}"

    return {
        "days, channels": f"{load.days:.0f}, {load.channels}",
        "alarms; calls": f"{load.alarms}; {load.calls}, {load.off_shift} of them outside shifts",
        "calls an officer's shift: 95th percentile, mean, most": f"{number(load.per_shift_p95)}, {number(load.per_shift_mean)}, {number(load.per_shift_most)}",
        "most in a day, in ten minutes": f"{load.per_day_most}, {number(load.figures['peak_10_min'])}",
        "stop alarms that are true": share(load.stops_true, load.stops),
        "other alarms of what is measured that are true": share(load.actions_true, load.actions),
        "stop alarms where it was action": str(load.overstated),
        "false pages, a week": f"{load.false_pages}, {load.false_pages_a_week:.2f}",
        "true excursions missed": share(len(load.missed), load.excursions),
        "true stops that were called action": share(len(load.understated), load.excursions),
        "chattering": ", ".join(f"{source} {count}" for source, count in load.chattering.items()) or "none",
        "floods, fleeting, stale": ", ".join(number(load.figures[name]) for name in ("floods", "fleeting", "stale")),
    }
