"""Gases, vapours and dusts by rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.airborne import pid
from models.airborne.brief_scala import daily_factor, weekly_factor
from models.airborne.conversion import REFERENCE_C, SEA_LEVEL_HPA, mg_m3_at_reference, mg_m3_from_ppm, ppm_from_mg_m3
from models.airborne.excursions import excursions
from models.airborne.stel import STEL_MIN, ceiling_max, minutes_over_ceiling, rolling_means, stel_max
from models.airborne.twa import shift_mean, twa_8h, worst_8h
from models.arrays import Array
from models.calculator.column import HIGH, Column, Kind
from models.calculator.formula import Answer, Formula, Output, Values
from models.calculator.groups import group_sum, rows_of_groups

TWA_RULES = {"sum_over_8h": twa_8h, "worst_8h": worst_8h, "shift_up_to_10h": shift_mean}
LONGEST_SHIFT_MIN = 1440

MOLAR_MASS = Column(name="molar_mass_g_mol", meaning="molar mass, g/mol", low=1.0, high=1000.0)
TEMPERATURE = Column(name="temperature_c", meaning="of the air, or the list's reference (EU 20), °C", low=-20.0, high=60.0, default=REFERENCE_C)
PRESSURE = Column(name="pressure_hpa", meaning="air pressure, hPa", low=500.0, high=1100.0, default=SEA_LEVEL_HPA)
PPM = Column(name="ppm", meaning="concentration, ppm", low=0.0, high=1e6)
MG_M3 = Column(name="mg_m3", meaning="concentration, mg/m³", low=0.0, high=1e6)
LIMIT = Column(name="limit", meaning="limit, in the concentration's unit", above=0.0, high=1e6)
SHIFT = Column(name="shift", meaning="rows of one label make a shift, in order of time; without it each row is one", kind=Kind.LABEL)


def _ppm_to_mg(values: Values, _method: str) -> Answer:
    return Answer(columns={"mg_m3": mg_m3_from_ppm(values["ppm"], values["molar_mass_g_mol"], values["temperature_c"], values["pressure_hpa"])})


def _mg_to_ppm(values: Values, _method: str) -> Answer:
    return Answer(columns={"ppm": ppm_from_mg_m3(values["mg_m3"], values["molar_mass_g_mol"], values["temperature_c"], values["pressure_hpa"])})


def _mg_at_reference(values: Values, _method: str) -> Answer:
    return Answer(columns={"mg_m3_at_reference": mg_m3_at_reference(values["mg_m3"], values["temperature_c"], values["pressure_hpa"], values["reference_c"])})


def _twa(values: Values, method: str) -> Answer:
    """By minutes, so that the worst hours can begin at any of them; a bounded sample goes through at both its ends."""
    rows = len(values["duration_min"])
    columns = {name: np.full(rows, np.nan) for name in ("shift_min", "twa_low", "twa_high")}
    refused = [""] * rows
    for shift in rows_of_groups(values["shift"]):
        minutes = values["duration_min"][shift]
        whole = np.rint(minutes).astype(np.intp)
        reason = "duration_min is no whole number of minutes" if np.any(whole != minutes) else f"the shift is {whole.sum()} min long" if whole.sum() > LONGEST_SHIFT_MIN else ""
        if reason:
            _say(refused, shift, reason)
            continue
        columns["shift_min"][shift] = whole.sum()
        for end, name in (("twa_low", "concentration"), ("twa_high", "concentration" + HIGH)):
            columns[end][shift] = _averaged(method, np.repeat(values[name][shift], whole))
    return Answer(columns=columns, refused=refused)


def _averaged(method: str, minutes: Array) -> float:
    """Without end where a minute is: an infinite minute times nothing is not a number."""
    return np.inf if np.isinf(minutes).any() else float(TWA_RULES[method](minutes))


def _stel(values: Values, _method: str) -> Answer:
    names = ("mean_low", "mean_high", "max_low", "max_high", "ceiling_low", "ceiling_high", "minutes_over", "excursions", "longest_excursion_min")
    columns = {name: np.full(len(values["shift"]), np.nan) for name in names}
    refused = [""] * len(values["shift"])
    for shift in rows_of_groups(values["shift"]):
        window, limit = values["averaging_min"][shift], values["limit"][shift]
        if np.ptp(window) > 0.0 or window[0] != int(window[0]) or len(np.unique(limit[~np.isnan(limit)])) > 1:
            _say(refused, shift, "averaging_min (whole minutes) and limit are the same in all rows of a shift")
            continue
        _short_term(columns, values, shift, int(window[0]), float(np.nanmax(np.append(limit, -1.0))))
    return Answer(columns=columns, refused=refused)


def _short_term(columns: dict[str, Array], values: Values, shift: npt.NDArray[np.intp], window: int, limit: float) -> None:
    for end, name in (("low", "concentration"), ("high", "concentration" + HIGH)):
        minutes = values[name][shift]
        columns[f"mean_{end}"][shift[window - 1 :]] = rolling_means(minutes, window)
        columns[f"max_{end}"][shift] = stel_max(minutes, window)
        columns[f"ceiling_{end}"][shift] = ceiling_max(minutes)
    if limit > 0.0:
        low = values["concentration"][shift]
        found = excursions(columns["mean_low"][shift], limit)
        columns["minutes_over"][shift] = minutes_over_ceiling(low, limit)
        columns["excursions"][shift], columns["longest_excursion_min"][shift] = found.count, found.longest_min


def _mixture(values: Values, _method: str) -> Answer:
    low, high = (values[name] / values["limit"] for name in ("concentration", "concentration" + HIGH))
    group = values["mixture"]
    return Answer(columns={"share_low": low, "share_high": high, "index_low": group_sum(low, group), "index_high": group_sum(high, group)})


def _brief_scala(values: Values, _method: str) -> Answer:
    daily = daily_factor(values["hours_per_day"])
    return Answer(columns={"factor": daily, "adjusted_limit": daily * values["limit"]})


def _brief_scala_weekly(values: Values, _method: str) -> Answer:
    weekly = weekly_factor(values["hours_per_week"])
    return Answer(columns={"factor": weekly, "adjusted_limit": weekly * values["limit"]})


def _pid(values: Values, _method: str) -> Answer:
    rows = len(values["reading_ppm"])
    columns = {name: np.full(rows, np.nan) for name in ("index_low", "index_high", "may_say")}
    refused = [""] * rows
    for mixture in rows_of_groups(values["mixture"]):
        try:
            low, high = _pid_bounds(values, mixture)
        except ValueError as error:
            _say(refused, mixture, str(error))
            continue
        columns["index_low"][mixture], columns["index_high"][mixture] = low, high
        columns["may_say"][mixture] = 1.0 if low > 1.0 else 0.0
    return Answer(columns=columns, refused=refused)


def _pid_bounds(values: Values, rows: npt.NDArray[np.intp]) -> tuple[float, float]:
    if np.ptp(values["reading_ppm"][rows]) > 0.0 or np.ptp(values["lamp_ev"][rows]) > 0.0:
        raise ValueError("reading_ppm and lamp_ev are the same in all rows of a mixture")
    parts = [
        pid.Component(
            name=f"component {number + 1}",
            response_factor=float(values["response_factor"][row]),
            ionisation_ev=float(values["ionisation_ev"][row]),
            limit_ppm=float(values["limit_ppm"][row]),
            least_share=float(values["least_share"][row]),
            most_share=float(values["most_share"][row]),
        )
        for number, row in enumerate(rows)
    ]
    found = pid.mixture_index_bounds(float(values["reading_ppm"][rows[0]]), parts, lamp_ev=float(values["lamp_ev"][rows[0]]))
    return float(found.low), float(found.high)


def _say(refused: list[str], rows: npt.NDArray[np.intp], reason: str) -> None:
    for row in rows:
        refused[row] = reason


CONCENTRATION = Column(name="concentration", meaning="in the limit's unit; <detection limit, >range end", kind=Kind.BOUNDED, low=0.0, high=1e6)
MAY_SAY = ("nothing", "exceeds")

FORMULAS = (
    Formula(
        name="ppm_to_mgm3",
        summary="mg/m³ from ppm",
        source="ideal gas, 22.414 L/mol at 0 °C and 1013.25 hPa; OSHA and NIOSH 25 °C, European Union 20 °C",
        inputs=(PPM, MOLAR_MASS, TEMPERATURE, PRESSURE),
        outputs=(Output(name="mg_m3", meaning="concentration, mg/m³"),),
        function=_ppm_to_mg,
        example="ppm=100 molar_mass_g_mol=92.14",
    ),
    Formula(
        name="mgm3_to_ppm",
        summary="ppm from mg/m³",
        source="as ppm_to_mgm3",
        inputs=(MG_M3, MOLAR_MASS, TEMPERATURE, PRESSURE),
        outputs=(Output(name="ppm", meaning="concentration, ppm"),),
        function=_mg_to_ppm,
        example="mg_m3=192 molar_mass_g_mol=92.14 temperature_c=20",
    ),
    Formula(
        name="mgm3_at_reference",
        summary="a measured mg/m³ as it would be at the list's reference temperature and 1013 hPa",
        source="as ppm_to_mgm3",
        inputs=(
            MG_M3,
            Column(name="temperature_c", meaning="of the sampled air, °C", low=-20.0, high=60.0),
            Column(name="pressure_hpa", meaning="of the sampled air, hPa", low=500.0, high=1100.0),
            Column(name="reference_c", meaning="of the list (EU 20), °C", low=0.0, high=30.0, default=REFERENCE_C),
        ),
        outputs=(Output(name="mg_m3_at_reference", meaning="concentration, mg/m³"),),
        function=_mg_at_reference,
        example="mg_m3=286 temperature_c=30 pressure_hpa=770",
    ),
    Formula(
        name="twa",
        summary="time-weighted average of a shift by the rule that the limit names; --method is the rule",
        source="sum_over_8h: 29 CFR 1910.1000(d)(1)(i); worst_8h: OSHA's practice for long shifts; shift_up_to_10h: NIOSH Pocket Guide, introduction",
        inputs=(CONCENTRATION, Column(name="duration_min", meaning="how long, whole minutes", low=0.0, high=1440.0), SHIFT),
        outputs=(
            Output(name="shift_min", meaning="length of the shift, min"),
            Output(name="twa_low", meaning="least that it can be"),
            Output(name="twa_high", meaning="most that it can be; inf with a saturated sample"),
        ),
        function=_twa,
        methods=tuple(TWA_RULES),
        example="concentration=40 duration_min=480",
    ),
    Formula(
        name="stel",
        summary="short-term means, ceiling and excursions; one row a minute, an empty concentration is a missing one",
        source="NIOSH Pocket Guide, introduction; EN 689:2018; 29 CFR 1910.1000(b)(2)",
        inputs=(
            Column(name="concentration", meaning=CONCENTRATION.meaning, kind=Kind.BOUNDED, low=0.0, high=1e6, open=True),
            Column(name="averaging_min", meaning="averaging time of the limit, min", low=1.0, high=60.0, default=float(STEL_MIN)),
            Column(name="limit", meaning=LIMIT.meaning, above=0.0, high=1e6, open=True),
            Column(name="shift", meaning="rows of one label make a shift, in order of time; rows without one are a shift together", kind=Kind.LABEL, together=True),
        ),
        outputs=(
            Output(name="mean_low", meaning="of the window that ends with the row, least"),
            Output(name="mean_high", meaning="the same, most"),
            Output(name="max_low", meaning="highest window of the shift, least"),
            Output(name="max_high", meaning="the same, most"),
            Output(name="ceiling_low", meaning="highest minute of the shift, least"),
            Output(name="ceiling_high", meaning="the same, most"),
            Output(name="minutes_over", meaning="minutes over the limit"),
            Output(name="excursions", meaning="episodes of means over the limit"),
            Output(name="longest_excursion_min", meaning="longest of them, min"),
        ),
        function=_stel,
        example="concentration=12 averaging_min=1 limit=10",
    ),
    Formula(
        name="mixture_index",
        summary="sum of concentration over limit for substances that act alike; over 1 exceeds",
        source="29 CFR 1910.1000(d)(2)(i)",
        inputs=(
            CONCENTRATION,
            LIMIT,
            Column(name="mixture", meaning="rows of one label, or without one, are one mixture of substances that act alike", kind=Kind.LABEL, together=True),
        ),
        outputs=(
            Output(name="share_low", meaning="of the row, least"),
            Output(name="share_high", meaning="of the row, most"),
            Output(name="index_low", meaning="of the mixture, least"),
            Output(name="index_high", meaning="of the mixture, most"),
        ),
        function=_mixture,
        example="concentration=45 limit=200",
    ),
    Formula(
        name="brief_scala",
        summary="limit for a long day; good practice, not law; not for irritants, ceilings or noise",
        source="Brief & Scala, Am. Ind. Hyg. Assoc. J. 36 (1975): 8/h x (24 - h)/16",
        inputs=(
            Column(name="hours_per_day", meaning="work a day, h", low=8.0, high=24.0, hint="shorter work raises no limit"),
            Column(name="limit", meaning="8-hour limit, any unit", above=0.0, high=1e6, open=True),
        ),
        outputs=(Output(name="factor", meaning="by which the limit is lowered"), Output(name="adjusted_limit", meaning="in the limit's unit")),
        function=_brief_scala,
        example="hours_per_day=12 limit=100",
    ),
    Formula(
        name="brief_scala_weekly",
        summary="limit for a long week; good practice, not law; not for irritants, ceilings or noise",
        source="Brief & Scala, Am. Ind. Hyg. Assoc. J. 36 (1975): 40/H x (168 - H)/128",
        inputs=(
            Column(name="hours_per_week", meaning="work a week, h", low=40.0, high=168.0, hint="shorter work raises no limit"),
            Column(name="limit", meaning="8-hour limit, any unit", above=0.0, high=1e6, open=True),
        ),
        outputs=(Output(name="factor", meaning="by which the limit is lowered"), Output(name="adjusted_limit", meaning="in the limit's unit")),
        function=_brief_scala_weekly,
        example="hours_per_week=60 limit=100",
    ),
    Formula(
        name="pid_mixture",
        summary="bounds of the mixture index behind a PID reading: least and most toxic declared composition, factors within 20 %; can show that a limit is exceeded, never that it is kept",
        source="RAE Systems, Technical Note 106; 29 CFR 1910.1000(d)(2)(i)",
        inputs=(
            Column(name="reading_ppm", meaning="isobutylene equivalent, ppm", low=0.0, high=1e5),
            Column(name="response_factor", meaning="of the vapour", above=0.0, high=100.0),
            Column(name="ionisation_ev", meaning="ionisation energy of the vapour, eV", low=5.0, high=20.0),
            Column(name="limit_ppm", meaning="of the vapour, ppm", above=0.0, high=1e6),
            Column(name="least_share", meaning="of the vapours' moles, at least", low=0.0, high=1.0, default=0.0),
            Column(name="most_share", meaning="of the vapours' moles, at most", low=0.0, high=1.0, default=1.0),
            Column(name="lamp_ev", meaning="of the lamp, eV", low=8.0, high=12.0, default=pid.LAMP_EV),
            Column(name="mixture", meaning="rows of one label, or without one, are the vapours of one mixture", kind=Kind.LABEL, together=True),
        ),
        outputs=(
            Output(name="index_low", meaning="of the least toxic composition"),
            Output(name="index_high", meaning="of the most toxic composition"),
            Output(name="may_say", meaning="what this may be used to say", choices=MAY_SAY),
        ),
        function=_pid,
        example="reading_ppm=50 response_factor=0.5 ionisation_ev=8.82 limit_ppm=100",
    ),
)
