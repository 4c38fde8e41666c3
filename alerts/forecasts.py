"""What is likely over its limit soon, as one notice for each hazard of a zone; an action only where it has proved right at this site, never stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Engine

from alerts.policy import Policy
from alerts.record import Finding, Recorder
from alerts.state import Alert
from alerts.suspicions import LOOK_US, proved, severity_of
from assess.live import Forecast, LiveZone
from domain.hazards import Severity, ZoneStatus
from domain.times import SECOND_US, to_rfc3339
from storage.records.alarm_feedback import AlarmFeedbackRepository
from storage.records.journal import Key

TYPE = "forecast_over"


class ForecastsOver:
    """One alert speaks of the likeliest forecast of a hazard."""

    def __init__(self, recorder: Recorder, policy: Policy, engine: Engine) -> None:
        self._recorder, self._policy, self._feedback = recorder, policy, AlarmFeedbackRepository(engine)
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}
        self._next_us = 0
        self._unlikely_since: dict[Key, int] = {}

    def follow(self, now_us: int, live: Sequence[LiveZone], alerts: Mapping[Key, Alert]) -> Iterator[Alert | None]:
        """One look; yields the alerts that it touched. A hazard that is over already has its own alarm."""
        if now_us >= self._next_us or self._next_us - now_us > LOOK_US:
            self._counts, self._next_us = proved(self._feedback.all()), now_us + LOOK_US
        likely: dict[Key, Forecast] = {}
        for zone in live:
            for forecast in zone.forecasts:
                key = Key(zone.zone, forecast.hazard, TYPE)
                is_over = zone.hazards.get(forecast.hazard) in (ZoneStatus.ACTION, ZoneStatus.STOP)
                if forecast.likely and not is_over and (key not in likely or _chance(forecast) > _chance(likely[key])):
                    likely[key] = forecast
        sites = {zone.zone: (zone.site, zone.simulated) for zone in live}
        for key, forecast in likely.items():
            self._unlikely_since.pop(key, None)
            yield self._seen(key, *sites[key.zone], forecast, now_us, alerts.get(key))
        for key, alert in [(key, alert) for key, alert in alerts.items() if key.type == TYPE and alert.active and key not in likely and key.zone in sites]:
            yield self._passing(key, alert, now_us)

    def _seen(self, key: Key, site: str, simulated: bool, forecast: Forecast, now_us: int, alert: Alert | None) -> Alert | None:
        severity = severity_of(self._policy.rows[TYPE], *self._counts.get((site, TYPE), (0, 0)))
        if alert is not None and alert.active and severity.rank <= alert.severity.rank:
            return alert
        return self._recorder.seen(
            Finding(
                site=site,
                zone=key.zone,
                hazard=key.hazard,
                type=TYPE,
                severity=severity,
                event_us=now_us,
                value=forecast.fan["p50"],
                unit=forecast.unit,
                limit=forecast.limit,
                simulated=simulated,
                evidence={
                    "metric": forecast.metric,
                    "placement": forecast.placement,
                    **{f"probability_{horizon}": chance for horizon, chance in forecast.probability.items()},
                    **forecast.fan,
                    "expected_at": None if forecast.expected_at_us is None else to_rfc3339(forecast.expected_at_us),
                    "method": forecast.method,
                    "known": forecast.known,
                },
            ),
            alert,
        )

    def _passing(self, key: Key, alert: Alert, now_us: int) -> Alert | None:
        """Back and forth around one half is one alert."""
        since_us = self._unlikely_since.setdefault(key, now_us)
        level = self._policy.rows[TYPE].levels.get(alert.severity) or self._policy.rows[TYPE].levels[Severity.NOTICE]
        if now_us - since_us < level.off_delay_s * SECOND_US:
            return alert
        self._unlikely_since.pop(key, None)
        return self._recorder.returned(alert, now_us)


def _chance(forecast: Forecast) -> float:
    return max(forecast.probability.values())
