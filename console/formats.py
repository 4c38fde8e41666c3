"""Numbers, times and ages as a person reads them, in their language and in the site's own time. Rounding happens here and nowhere before."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

from console.i18n import N_, Catalogue
from domain.quantities import quantity_of
from domain.times import SECOND_US, to_datetime

SHOWN_UNITS = {"Cel": "°C", "%RH": "%", "ug/m3": "µg/m³", "mg/m3": "mg/m³", "1": "", "min": "min", "dB": "dB"}
DASH, NBSP = "—", "\u00a0"
OPEN_FROM_PERCENT = 1000.0
BETWEEN, AT_LEAST, OPEN_ABOVE = N_("between"), N_("at least"), N_("no upper bound")
AGES = {"s": N_("{n} s"), "min": N_("{n} min"), "h": N_("{n} h"), "d": N_("{n} d")}


def decimals_of(unit: str, value: float | None = None) -> int:
    """For values that are no reading of a registered quantity."""
    if unit in ("ppm", "ug/m3", "mg/m3") and value is not None and abs(value) >= 100:
        return 0
    return {"%": 0, "min": 0, "ppm": 1, "1": 2}.get(unit, 1)


@dataclass(frozen=True, slots=True)
class Formats:
    """Bound to one language; digits are Latin in every language, as on the instruments."""

    catalogue: Catalogue

    def number(self, value: float | None, decimals: int = 1) -> str:
        if value is None:
            return DASH
        text = format_decimal(round(value, decimals), format="#,##0." + "0" * decimals if decimals else "#,##0", locale=self.catalogue.babel, numbering_system="latn")
        return str(text)

    def quantity(self, value: float | None, quantity_id: str, unit: str = "") -> str:
        """A value with the decimals and the unit of its quantity."""
        quantity = quantity_of(quantity_id, unit)
        if quantity is None:
            return self.measure(value, unit)
        return DASH if value is None else f"{self.number(value, quantity.decimals)}{NBSP}{quantity.unit_shown}".rstrip()

    def measure(self, value: float | None, unit: str) -> str:
        return DASH if value is None else f"{self.number(value, decimals_of(unit, value))}{NBSP}{self.unit(unit)}".rstrip()

    def between(self, low: float | None, high: float | None, unit: str) -> str:
        """Both bounds, or nothing; an upper bound far beyond any limit is as good as none and is shown so."""
        if unit == "%" and low is not None and high is not None and high > OPEN_FROM_PERCENT:
            return f"{self.number(low, 0)}–>{self.measure(OPEN_FROM_PERCENT, unit)}"
        return "" if low is None or high is None else f"{self.number(low, decimals_of(unit, high))}–{self.measure(high, unit)}"

    def bounded(self, low: float | None, high: float | None, unit: str) -> str:
        """The bounds in words: between both, at least the lower one where there is no upper one; nothing where nothing is known."""
        gettext = self.catalogue.gettext
        if low is None:
            return ""
        if high is None:
            return f"{gettext(AT_LEAST)} {self.measure(low, unit)}" if low > 0 else gettext(OPEN_ABOVE)
        return f"{gettext(BETWEEN)} {self.between(low, high, unit)}"

    def unit(self, unit: str) -> str:
        return SHOWN_UNITS.get(unit, unit)

    def percent(self, share: float | None) -> str:
        """A share as whole percent, never rounded up to a complete 100."""
        if share is None:
            return DASH
        return f"{99 if 0.99 <= share < 1 else round(100 * share)}{NBSP}%"

    def clock(self, time_us: int, zone: ZoneInfo) -> str:
        return to_datetime(time_us).astimezone(zone).strftime("%H:%M")

    def moment(self, time_us: int, zone: ZoneInfo) -> str:
        """Day and time, in the site's time zone."""
        local = to_datetime(time_us).astimezone(zone)
        return f"{format_date(local, 'd MMM', locale=self.catalogue.babel)} {local:%H:%M}"

    def day(self, time_us: int, zone: ZoneInfo) -> str:
        return str(format_date(to_datetime(time_us).astimezone(zone), "d MMM y", locale=self.catalogue.babel))

    def date(self, time_us: int, zone: ZoneInfo) -> str:
        """As a form's date field takes it."""
        return to_datetime(time_us).astimezone(zone).date().isoformat()

    def age(self, microseconds: int) -> str:
        """How long ago or how long: the largest unit that says enough."""
        seconds = max(0, microseconds // SECOND_US)
        if seconds < 100:
            return self._say("s", seconds)
        if seconds < 100 * 60:
            return self._say("min", seconds // 60)
        if seconds < 48 * 3600:
            return self._say("h", seconds // 3600)
        return self._say("d", seconds // 86400)

    def _say(self, unit: str, number: int) -> str:
        return self.catalogue.gettext(AGES[unit]).replace("{n}", str(number))

    def clock_with_seconds(self, time_us: int, zone: ZoneInfo) -> str:
        return to_datetime(time_us).astimezone(zone).strftime("%H:%M:%S")
