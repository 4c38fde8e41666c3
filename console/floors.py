"""All that is known of a site right now, gathered once for a page or an answer: zones, live states, last readings, open alerts, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from alerts.state import Alert
from assess.live import LiveWindow, LiveZone
from assess.live_window import silent_after_us
from console.context import House
from console.live_rows import LiveRow
from console.sources import has_value
from console.words import PARTLY_UNKNOWN, STATUS, Mark
from domain.clock import patience_us
from domain.hazards import Severity, ZoneStatus
from domain.quality import Reason
from domain.reading import Reading
from domain.registry import Channel, ShiftSpec, SiteSpec, Zone
from domain.scope import Scope
from domain.shifts import Shift, current_shift
from domain.times import SECOND_US
from domain.verdict import Verdict

SHOWN_FIRST = ("wbgt_now", "wbgt_effective_60min", "leq_now", "stel_15min", "ceiling", "mean_1h", "twa", "dose_3db", "lex_8h")
"""Of windows with the same status, the one that says what the air is like now stands on the tile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """A site, or one zone of it, at an instant."""

    site: SiteSpec
    timezone: ZoneInfo
    now_us: int
    zones: Sequence[Zone]
    rows: Mapping[str, LiveRow]
    channels: Mapping[str, Sequence[Channel]]  # by zone
    last: Mapping[str, Reading]  # with a value to show
    newest: Mapping[str, Reading]  # whatever it says
    alerts: Sequence[Alert]
    verdicts: Sequence[Verdict]
    plan: Sequence[ShiftSpec]
    shift: Shift | None  # the one that runs now, of any zone
    patience_us: int = 0  # silence counts from no earlier than this

    @property
    def names(self) -> dict[str, str]:
        return {zone.id: zone.spec.name for zone in self.zones}

    @property
    def unacknowledged(self) -> int:
        return unacknowledged(self.alerts)

    def status(self, zone: str) -> ZoneStatus:
        """The worst of its windows and open alerts; unknown where nothing is said, or was said too long ago."""
        row = self.rows.get(zone)
        return row.status if row else ZoneStatus.UNKNOWN

    def current(self, zone: str) -> LiveZone | None:
        """What is known of the zone now; None where nothing is."""
        row = self.rows.get(zone)
        return row.now if row and row.is_known else None

    def since(self, zone: str) -> int | None:
        """Since when it has its status."""
        row = self.rows.get(zone)
        return row.since_us if row else None

    def held(self, zone: str) -> Sequence[str]:
        """Hazards whose status rests on an open alert alone."""
        row = self.rows.get(zone)
        return row.held if row else ()

    def mark(self, zone: str) -> Mark:
        """Shape and word of its status; where sensors speak, "no data" would be wrong."""
        status = self.status(zone)
        speaking = any(self.fresh(channel) for channel in self.channels[zone])
        return PARTLY_UNKNOWN if status is ZoneStatus.UNKNOWN and speaking and self.current(zone) else STATUS[status.value]

    def unmeasured(self, zone: str) -> list[str]:
        """Hazards that the zone is known to have and that are not known now."""
        live = self.current(zone)
        return [hazard for hazard, status in live.hazards.items() if status is ZoneStatus.UNKNOWN] if live else []

    def all_channels(self) -> list[Channel]:
        return [channel for zone in self.zones for channel in self.channels[zone.id]]

    def age_us(self, channel: str) -> int | None:
        reading = self.last.get(channel)
        return None if reading is None else max(0, self.now_us - reading.time_us)

    def fresh(self, channel: Channel) -> bool:
        """Whether its last reading may be shown as live: young, and good enough to count."""
        reading, age = self.last.get(channel.id), self.age_us(channel.id)
        return reading is not None and age is not None and age <= self._silent_after_us(channel) and has_value(reading)

    def silent(self) -> list[Channel]:
        """Sensors that say nothing, by the rule of `assess`."""
        return [channel for channel in self.all_channels() if (age := self.age_us(channel.id)) is None or age > self._silent_after_us(channel)]

    def _silent_after_us(self, channel: Channel) -> int:
        return max(silent_after_us(channel), self.patience_us)

    def simulated(self) -> bool:
        return any(row.now.simulated for row in self.rows.values()) or any(Reason.SIMULATED in reading.r for reading in self.newest.values())


def stale_after_s(channel: Channel) -> float:
    """Age from which a value is no longer shown as live."""
    return silent_after_us(channel) / SECOND_US


def unacknowledged(alerts: Sequence[Alert]) -> int:
    """Alarms that nobody has acknowledged: a notice is none."""
    return sum(alert.state in ("unacknowledged", "returned_unacknowledged") for alert in alerts if alert.severity is not Severity.NOTICE)


def main_window(live: LiveZone) -> LiveWindow | None:
    """The worst window; of equals the one people know best."""
    order = list(ZoneStatus)
    shown = [window for window in live.windows if window.value is not None]
    return min(shown, key=lambda window: (-order.index(window.status), _place(window.metric), window.placement), default=None)


def _place(metric: str) -> int:
    return SHOWN_FIRST.index(metric) if metric in SHOWN_FIRST else len(SHOWN_FIRST)


def load_floor(house: House, scope: Scope, site_id: str, zone_id: str | None = None) -> Floor:
    """Raises `NotFound` for what is not in the caller's scope."""
    site = house.sources.site(scope, site_id)
    zones = [house.sources.zone(scope, zone_id)] if zone_id else house.sources.zones(scope, site_id)
    channels = {zone.id: house.sources.channels(scope, zone.id) for zone in zones}
    rows = house.stores.zone_states([site_id])
    alerts = [alert for alert in house.open_alerts(scope) if alert.site == site_id]
    verdicts = house.stores.current_verdicts(site_id, house.sources.snapshot(), house.context.clock.now_us())
    every = [channel for held in channels.values() for channel in held]
    newest = house.sources.last(house.context.timeseries, every)
    wanted = {zone.id for zone in zones}
    plan = house.sources.snapshot().shifts.get(site_id, [])
    return Floor(
        site=site,
        timezone=house.sources.timezone(site_id),
        now_us=house.context.clock.now_us(),
        zones=zones,
        rows={zone: row for zone, row in rows.items() if zone in wanted},
        channels=channels,
        last=house.sources.last_shown(house.context.timeseries, every, newest),
        newest=newest,
        alerts=[alert for alert in alerts if zone_id is None or alert.zone == zone_id],
        verdicts=[verdict for verdict in verdicts if verdict.zone in wanted],
        plan=plan,
        shift=current_shift(plan, house.sources.timezone(site_id), house.context.clock.now_us()),
        patience_us=patience_us(house.context.clock, 0),
    )
