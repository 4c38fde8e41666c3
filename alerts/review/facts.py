"""What there is to review, from the alert journal and the verdicts; read only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Engine

from alerts.review.model import Facts, FactsKind
from alerts.state import Alert, fold
from domain.hazards import Severity
from domain.times import parse_instant, to_rfc3339
from storage.records.journal import JournalRepository
from storage.records.verdicts import Key, StoredVerdict, VerdictRepository

LATE = "late_excursion"
_KEY = msgspec.json.Decoder(tuple[str, str, str, str, str, str, str])


class FactsSource:
    """Alerts and results over their limit, as they are on record now."""

    def __init__(self, engine: Engine) -> None:
        self._journal, self._verdicts = JournalRepository(engine), VerdictRepository(engine)

    def of_period(self, site: str, start_us: int, stop_us: int) -> Iterator[tuple[str, Facts]]:
        """(about, facts) of all that began in [start, stop): alarms, excursions found in late data, results of ended shifts over their limit."""
        for alert in self._alerts(site, start_us):
            if start_us <= alert.raised_at_us < stop_us and (alert.severity is not Severity.NOTICE or alert.type == LATE):
                yield about_alert(alert.id), alert_facts(alert)
        for stored in self._verdicts.latest(site=site, start_us=start_us, stop_us=stop_us):
            if stored.final and stored.verdict.state == "exceeds" and start_us <= stored.shift_start_us < stop_us:
                yield about_verdict(stored.verdict.key), verdict_facts(stored)

    def of_alert(self, alert: str) -> tuple[str, Facts] | None:
        """The site of an alert and its facts."""
        steps = self._journal.steps(alert)
        return (steps[0].site, alert_facts(fold(steps))) if steps else None

    def of_verdict(self, id: int) -> tuple[str, Facts] | None:
        """The same of a result, by the id of any revision: the latest counts."""
        stored = self._verdicts.get(id)
        return (stored.verdict.site, verdict_facts(self._verdicts.of_key(stored.verdict.key)[-1])) if stored else None

    def now(self, known: Facts) -> Facts:
        """The same thing as it is on record now."""
        if known.kind == "exceedance":
            found = self._verdicts.of_key(key_of(known.ref))
            return verdict_facts(found[-1]) if found else known
        steps = self._journal.steps(known.ref)
        return alert_facts(fold(steps)) if steps else known

    def _alerts(self, site: str, since_us: int) -> Iterator[Alert]:
        after = 0
        while first := self._journal.raised([site], since_us=since_us, after=after):
            found = self._journal.steps_of([step.alert for step in first])
            yield from (fold(found[step.alert]) for step in first)
            after = first[-1].id


def about(facts: Facts) -> str:
    """What keeps to one review a thing."""
    return f"verdict:{facts.ref}" if facts.kind == "exceedance" else about_alert(facts.ref)


def about_alert(alert: str) -> str:
    return f"alert:{alert}"


def about_verdict(key: Key) -> str:
    return f"verdict:{_ref(key)}"


def alert_facts(alert: Alert) -> Facts:
    kind: FactsKind = "late_excursion" if alert.type == LATE else "alert"
    return Facts(
        kind=kind,
        ref=alert.id,
        zone=alert.zone,
        hazard=alert.hazard,
        type=alert.type,
        severity=alert.severity.value,
        value=alert.value,
        unit=alert.unit,
        limit=alert.limit,
        started_at=to_rfc3339(alert.raised_at_us),
        ended_at=None if alert.returned_at_us is None else to_rfc3339(alert.returned_at_us),
        state=alert.condition,
        data_lost=alert.data_lost,
        simulated=alert.simulated,
    )


def verdict_facts(stored: StoredVerdict) -> Facts:
    verdict = stored.verdict
    return Facts(
        kind="exceedance",
        ref=_ref(verdict.key),
        zone=verdict.zone,
        hazard=verdict.hazard,
        type=verdict.metric,
        severity="",
        value=verdict.value,
        unit=verdict.unit,
        limit=verdict.limit,
        started_at=to_rfc3339(stored.shift_start_us),
        ended_at=to_rfc3339(stored.shift_stop_us),
        state=verdict.state,
        revision=verdict.revision,
        result=stored.id,
    )


def key_of(ref: str) -> Key:
    return _KEY.decode(ref)


def what_changed(before: Facts, after: Facts) -> list[str]:
    """Names of what is different."""
    names: Sequence[str] = [name for name in before.__struct_fields__ if name != "result"]
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def started_us(facts: Facts) -> int:
    return parse_instant(facts.started_at)


def _ref(key: Key) -> str:
    return msgspec.json.encode(key).decode()
