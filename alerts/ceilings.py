"""What a single reading of each channel is held against: the strictest ceiling or peak of the profiles that its site adopted, in the raw value's terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alerts.policy import Policy
from domain.hazards import Severity
from domain.quantities import Quantity, Use, quantity_of
from domain.registry import CalibrationSpec, Channel, Snapshot
from domain.times import SECOND_US, parse_instant
from domain.verdict import LimitOf

CeilingOf = Callable[[Sequence[str], Quantity, int], LimitOf | None]
"""The strictest ceiling of these profiles for a quantity at an instant, its value in the quantity's unit; None where none applies to a single reading."""

_CORRECTING = ("factory", "zero", "span", "colocation", "acoustic", "field_check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A channel under the instant rules. `raw_set_point` is infinite where no ceiling applies: then only what is extreme counts."""

    channel: str
    site: str
    zone: str
    placement: str
    hazard: str
    unit: str
    interval_us: int
    ceiling_type: str  # "" without a ceiling
    limit: LimitOf | None
    raw_set_point: float
    raw_deadband: float
    offset: float
    gain: float

    @property
    def extreme_type(self) -> str:
        return "extreme_over_ceiling" if self.ceiling_type else "extreme"

    @property
    def extreme_severity(self) -> Severity:
        return Severity.STOP if self.ceiling_type else Severity.ACTION

    @property
    def patience_us(self) -> int:
        """Readings further apart than this are no continuous course."""
        return 3 * self.interval_us + 60 * SECOND_US

    def corrected(self, raw: float) -> float:
        return (raw - self.offset) * self.gain


def watches(held: Snapshot, ceiling_of: CeilingOf, policy: Policy, at_us: int) -> dict[str, Watch]:
    """Every channel whose quantity is a hazard; what is only a trend meets no limit (contract 3.2)."""
    found = {}
    for channel in held.channels.values():
        quantity = quantity_of(channel.quantity, channel.spec.unit)
        if quantity is not None and quantity.hazard and quantity.use is not Use.TREND and channel.site in held.sites:
            found[channel.id] = _watch(channel, quantity, held, ceiling_of, policy, at_us)
    return found


def _watch(channel: Channel, quantity: Quantity, held: Snapshot, ceiling_of: CeilingOf, policy: Policy, at_us: int) -> Watch:
    row = policy.instant_row(quantity.hazard)
    limit = ceiling_of(held.sites[channel.site].profiles, quantity, at_us) if row else None
    offset, gain = _correction(held.calibrations.get(channel.id, []), at_us)
    value = limit.value if limit is not None else None
    level = row.level(Severity.STOP) if row else None
    deadband = max(level.deadband, level.deadband_share * value) if level and value is not None else 0.0
    return Watch(
        channel=channel.id,
        site=channel.site,
        zone=channel.zone,
        placement=channel.placement,
        hazard=quantity.hazard,
        unit=quantity.unit,
        interval_us=round(channel.spec.interval_s * SECOND_US),
        ceiling_type=row.type if row and value is not None else "",
        limit=limit,
        raw_set_point=math.inf if value is None else value / gain + offset,
        raw_deadband=deadband / gain,
        offset=offset,
        gain=gain,
    )


def _correction(calibrations: list[CalibrationSpec], at_us: int) -> tuple[float, float]:
    """Offset and gain of the latest passed calibration that corrects; a bump test only says that the sensor lives."""
    passed = [record for record in calibrations if record.passed and record.type in _CORRECTING and record.gain > 0 and parse_instant(record.performed_at) <= at_us]
    latest = max(passed, key=lambda record: parse_instant(record.performed_at), default=None)
    return (latest.offset, latest.gain) if latest else (0.0, 1.0)
