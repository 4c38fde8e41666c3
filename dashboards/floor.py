"""The dashboard "Factory floor": what the instruments say, and how much of it there is. It judges nothing; limits and verdicts stand in the console."""

from __future__ import annotations

from dashboards.influxql import CHOSEN_CHANNELS, arithmetic_mean, arithmetic_mean_of_chemicals, energy_mean, greatest, last_heard, records, sample_counts, tag_values
from dashboards.model import Dashboard, Kind, Panel, Query, Row, Variable
from domain.quantities import QUANTITIES

UID = "oshwatch-floor"
SILENT_AFTER_DAYS = 7


def floor() -> Dashboard:
    return Dashboard(
        uid=UID,
        title="Factory floor",
        description=(
            "Measured values by channel, and their completeness. Oshwatch is not a safety function: it replaces no certified detector and no alarm. "
            "A sensor on a wall measures a place, not a person; whether a limit is kept, and how sure that is, is said by the console."
        ),
        variables=(
            Variable(name="agent", label="Agent", influxql=tag_values("channel"), regex=r"/^([^.]+)\./"),
            Variable(name="quantity", label="Quantity (completeness and records)", influxql=tag_values("quantity", CHOSEN_CHANNELS)),
        ),
        rows=(_heat(), _noise(), _gases(), _dust_and_chemicals(), _completeness()),
    )


def _heat() -> Row:
    temperatures = [quantity.id for quantity in QUANTITIES.values() if quantity.unit == "Cel"]
    return Row(
        title="Heat",
        panels=(
            Panel(
                title="What WBGT is made of",
                description="Air, globe and natural wet bulb temperature, and WBGT where an instrument gives it, as means of the samples that count. WBGT by calculation and its limit: console.",
                unit="celsius",
                decimals=1,
                width=12,
                queries=(_trend(arithmetic_mean(temperatures)),),
            ),
            _panel("relative_humidity", "Relative humidity: with air temperature it gives the wet bulb temperature.", unit="percent", width=6),
            _panel("air_speed", "Air speed near the worker: it cools the wet bulb and the globe.", unit="velocityms", width=6),
        ),
    )


def _noise() -> Row:
    return Row(
        title="Noise",
        panels=(
            Panel(
                title="Sound level LAeq",
                description="A-weighted level of the mean energy over each interval, from sums of energy: decibels are never averaged. It is the level of the place, not a person's dose.",
                unit="dB",
                decimals=QUANTITIES["sound_level_a_eq"].decimals,
                width=12,
                queries=(_trend(energy_mean(["sound_level_a_eq"])),),
            ),
            Panel(
                title="Peak sound level LCpeak",
                description="The greatest C-weighted peak in each interval.",
                unit="dB",
                decimals=QUANTITIES["sound_level_c_peak"].decimals,
                width=12,
                queries=(_trend(greatest(["sound_level_c_peak"])),),
            ),
        ),
    )


def _gases() -> Row:
    toxic = [quantity.id for quantity in QUANTITIES.values() if quantity.hazard.startswith("gas:")]
    return Row(
        title="Gases and vapours",
        panels=(
            Panel(
                title="Toxic gases",
                description=(
                    "Mean of each interval, ppm. A ceiling or a short-term limit is exceeded in less than an interval: alerts come from the console, which looks at every reading. "
                    "A reading marked saturated means at least this value."
                ),
                unit="ppm",
                decimals=2,
                width=12,
                queries=(_trend(arithmetic_mean(toxic)),),
            ),
            _panel("co2", "Carbon dioxide: how much fresh air the ventilation brings for the people in the room.", unit="ppm", width=6),
            _panel("tvoc_isobutylene", "Solvent vapour by photo-ionisation, as isobutylene: it sees many vapours and cannot tell which.", unit="ppm", width=6),
        ),
    )


def _dust_and_chemicals() -> Row:
    dust = [quantity.id for quantity in QUANTITIES.values() if quantity.hazard == "dust"]
    return Row(
        title="Dust and named chemicals",
        panels=(
            Panel(
                title="Dust (trend)",
                description="Optical particle counters estimate mass; humidity and fibre shape mislead them. Good for up and down, never held against a limit.",
                unit="conμgm3",
                width=12,
                queries=(_trend(arithmetic_mean(dust)),),
            ),
            Panel(
                title="Named chemicals",
                description="Concentration of a substance with a declared CAS number, in ppm or mg/m³ as its channel declares.",
                unit="none",
                decimals=2,
                width=12,
                queries=(_trend(arithmetic_mean_of_chemicals()),),
            ),
        ),
    )


def _completeness() -> Row:
    return Row(
        title="Completeness",
        panels=(
            Panel(
                title="Samples that count, and that do not",
                description="Of the chosen agents and quantities. Where nothing came the bars are at nought: what was not measured is not safe, it is unknown.",
                unit="short",
                bars=True,
                width=12,
                queries=tuple(Query(influxql=sample_counts(field), label=label) for field, label in _KINDS),
            ),
            Panel(
                title="Last heard of each channel",
                description=f"The latest minute of every channel that spoke in the last {SILENT_AFTER_DAYS} days, the longest silent first, whatever time range is chosen.",
                unit="none",
                kind=Kind.TABLE,
                width=12,
                queries=(Query(influxql=last_heard(SILENT_AFTER_DAYS)),),
            ),
            Panel(
                title="Records as they came",
                description="The latest records with quality (4 accepted, 3 suspicious, 2 and 1 rejected; empty is 4) and reason codes (131 simulated, 134 saturated). Raw: no correction is applied.",
                unit="none",
                decimals=3,
                kind=Kind.TABLE,
                width=24,
                queries=(Query(influxql=records(200)),),
            ),
        ),
    )


_KINDS = (("valid", "count"), ("rejected", "rejected"), ("saturated", "saturated (count as: at least)"), ("below_detection", "below detection (count as: at most)"))


def _trend(influxql: str) -> Query:
    return Query(influxql=influxql)


def _panel(quantity_id: str, description: str, *, unit: str, width: int) -> Panel:
    quantity = QUANTITIES[quantity_id]
    return Panel(title=quantity.name, description=description, unit=unit, decimals=quantity.decimals, width=width, queries=(_trend(arithmetic_mean([quantity_id])),))
