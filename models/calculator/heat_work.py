"""Heat by rows: limits by work rate, clothing, hours of mixed tasks, rest, getting used to heat, predicted strain."""

from __future__ import annotations

import numpy as np

from models.arrays import Array
from models.calculator.column import YES_NO, Column, Kind
from models.calculator.formula import Answer, Formula, Output, Values
from models.calculator.groups import group_sum
from models.heat import phs
from models.heat.acclimatisation import exposure_share_pct
from models.heat.clothing import ENSEMBLES, HOOD_K, clothing_adjustment_k
from models.heat.effective import TWO_HOURS_MIN
from models.heat.iso7243 import HIGHEST_W as ISO_HIGHEST_W
from models.heat.iso7243 import LOWEST_W as ISO_LOWEST_W
from models.heat.iso7243 import is_verified, metabolic_class, reference_c
from models.heat.niosh import HIGHEST_W, LOWEST_W, RESTING_W, ral_c, rel_c
from models.heat.rest import rest_minutes

CLOTHING = tuple(one + hood for one in ENSEMBLES for hood in ("", "+hood") if not (hood and one.endswith("_hood")))
_CAV_K = np.array([clothing_adjustment_k(one) for one in CLOTHING], dtype=np.float64)

RATE = Column(name="metabolic_rate_w", meaning="metabolic rate of the whole person, W", low=LOWEST_W, high=HIGHEST_W, hint="is it in W/m²?")
CLOTHES = Column(name="clothing", meaning=f"ensemble; +hood adds {HOOD_K:g} K", kind=Kind.CHOICE, choices=CLOTHING, default=0.0)
ACCLIMATISED = Column(name="acclimatised", meaning="used to heat, as both sides declare", kind=Kind.CHOICE, choices=YES_NO, default=0.0)
LIMIT = Output(name="limit_c", meaning="WBGT limit, °C")
STATUS = ("unverified", "verified")


def _ral(values: Values, _method: str) -> Answer:
    return Answer(columns={"limit_c": ral_c(values["metabolic_rate_w"])})


def _rel(values: Values, _method: str) -> Answer:
    return Answer(columns={"limit_c": rel_c(values["metabolic_rate_w"])})


def _iso7243(values: Values, method: str) -> Answer:
    rate, moving, edition = values["metabolic_rate_w"], values["air_moves"] > 0.5, int(method)
    used, unused = (reference_c(rate, used_to_heat, edition, moving) for used_to_heat in (True, False))
    return Answer(
        columns={
            "metabolic_class": metabolic_class(rate, edition).astype(np.float64),
            "limit_c": np.where(values["acclimatised"] > 0.5, used, unused),
            "limit_acclimatised_c": used,
            "limit_unacclimatised_c": unused,
            "status": is_verified(rate, edition).astype(np.float64),
        }
    )


def _clothing(values: Values, _method: str) -> Answer:
    return Answer(columns={"cav_k": _CAV_K[values["clothing"].astype(np.intp)]})


def _effective(values: Values, _method: str) -> Answer:
    minutes, group = values["duration_min"], values["window"]
    total = group_sum(minutes, group)
    adjustment = _CAV_K[values["clothing"].astype(np.intp)]
    wbgt = group_sum((values["wbgt_c"] + adjustment) * minutes, group) / total
    rate = group_sum(values["metabolic_rate_w"] * minutes, group) / total
    reasons = ["" if 0.0 < one <= TWO_HOURS_MIN else f"the window is {one:g} min long: at most {TWO_HOURS_MIN} min" for one in total]
    ral, rel = ral_c(rate), rel_c(rate)
    columns = {
        "cav_k": adjustment,
        "window_min": total,
        "wbgt_effective_c": wbgt,
        "mean_metabolic_rate_w": rate,
        "ral_c": ral,
        "rel_c": rel,
        "over_ral_k": wbgt - ral,
        "over_rel_k": wbgt - rel,
    }
    return Answer(columns=columns, refused=reasons)


def _rest(values: Values, _method: str) -> Answer:
    adjustment = _CAV_K[values["clothing"].astype(np.intp)]
    work, rest = values["wbgt_work_c"] + adjustment, values["wbgt_rest_c"] + adjustment
    used, unused = (rest_minutes(work, values["metabolic_rate_w"], rest, limit, values["resting_w"]) for limit in (rel_c, ral_c))
    refused = ["resting_w is over metabolic_rate_w" if one > other else "" for one, other in zip(values["resting_w"], values["metabolic_rate_w"], strict=True)]
    return Answer(columns={"rest_min_acclimatised": used, "rest_min_unacclimatised": unused}, refused=refused, remarks=[_no_work(*pair) for pair in zip(used, unused, strict=True)])


def _no_work(used: float, unused: float) -> str:
    if np.isnan(used):
        return "no minute of this work is allowed: even an hour of rest in that place is over both limits"
    return "unacclimatised: no minute of this work is allowed" if np.isnan(unused) else ""


def _acclimatisation(values: Values, _method: str) -> Answer:
    day = values["day"]
    refused = ["" if one == int(one) else f"day {one:g} is no whole number" for one in day]
    share = exposure_share_pct(day, values["experienced"] > 0.5)
    return Answer(columns={"share_pct": share, "longest_min": share / 100.0 * values["shift_min"]}, refused=refused)


def _phs(values: Values, _method: str) -> Answer:
    refused = phs.out_of_range(values["ta_c"], values["tr_c"], values["rh_pct"])
    refused = [one or ("" if minutes == int(minutes) else "duration_min is no whole number") for one, minutes in zip(refused, values["duration_min"], strict=True)]
    clamped = values["tr_c"] < values["ta_c"]
    strain = phs.predicted_heat_strain(
        phs.Exposure(
            acclimatised=values["acclimatised"] > 0.5,
            drinks=values["drinks"] > 0.5,
            **{name: values[name] for name in _PHS_NUMBERS},
        )
    )
    columns: dict[str, Array] = {
        "t_re_c": strain.rectal_c,
        "t_sk_c": strain.skin_c,
        "t_cr_c": strain.core_c,
        "water_loss_g": strain.water_loss_g,
        "d_lim_water_loss_min": strain.longest_by_water_loss_min,
        "d_lim_t_re_min": strain.longest_by_rectal_min,
    }
    return Answer(columns=columns, refused=refused, remarks=["tr_c taken as ta_c" if one else "" for one in clamped])


_PHS_NUMBERS = ("ta_c", "tr_c", "v_ms", "rh_pct", "metabolic_rate_w_m2", "clo", "posture", "duration_min", "weight_kg", "height_m", "reflective_share", "reflection")

FORMULAS = (
    Formula(
        name="niosh_ral",
        summary="recommended alert limit: unacclimatised workers, one hour",
        source="NIOSH 2016-106, section 8.1: 59.9 - 14.1 log10 M",
        inputs=(RATE,),
        outputs=(LIMIT,),
        function=_ral,
        example="metabolic_rate_w=300",
    ),
    Formula(
        name="niosh_rel",
        summary="recommended exposure limit: acclimatised workers, one hour",
        source="NIOSH 2016-106, section 8.1: 56.7 - 11.5 log10 M",
        inputs=(RATE,),
        outputs=(LIMIT,),
        function=_rel,
        example="metabolic_rate_w=300",
    ),
    Formula(
        name="iso7243_reference",
        summary="reference values by class of work; `status` says whether a table that prints the value was seen",
        source="2017: ISO 7243:2017 Table A.1; 1989: ISO 7243:1989 Annex A",
        inputs=(
            Column(name="metabolic_rate_w", meaning="metabolic rate of the whole person, W", low=ISO_LOWEST_W, high=ISO_HIGHEST_W, hint="is it in W/m²?"),
            ACCLIMATISED,
            Column(name="air_moves", meaning="1989 only: the air can be felt moving", kind=Kind.CHOICE, choices=YES_NO, default=0.0),
        ),
        outputs=(
            Output(name="metabolic_class", meaning="0 resting to 4 very high"),
            LIMIT,
            Output(name="limit_acclimatised_c", meaning="for acclimatised workers, °C"),
            Output(name="limit_unacclimatised_c", meaning="for the others, °C"),
            Output(name="status", meaning="of the number", choices=STATUS),
        ),
        function=_iso7243,
        methods=("2017", "1989"),
        example="metabolic_rate_w=300 acclimatised=yes",
    ),
    Formula(
        name="clothing_adjustment",
        summary="what clothing adds to the WBGT",
        source="ISO 7243:2017 Annex F after JIS Z 8504:2021",
        inputs=(Column(name="clothing", meaning=CLOTHES.meaning, kind=Kind.CHOICE, choices=CLOTHING),),
        outputs=(Output(name="cav_k", meaning="clothing adjustment value, K"),),
        function=_clothing,
        example="clothing=vapour_barrier_apron",
    ),
    Formula(
        name="wbgt_effective",
        summary="time-weighted WBGT with clothing and mean work rate of a window of mixed tasks, against both limits",
        source="NIOSH 2016-106, sections 1.1.1, 1.1.3 and 8.1; clothing ISO 7243:2017 Annex F",
        inputs=(
            Column(name="wbgt_c", meaning="WBGT, °C", low=-10.0, high=60.0),
            Column(name="duration_min", meaning="how long, min", above=0.0, high=float(TWO_HOURS_MIN)),
            RATE,
            CLOTHES,
            Column(name="window", meaning="rows of one label make a window; without it each row is one", kind=Kind.LABEL),
        ),
        outputs=(
            Output(name="cav_k", meaning="of the row's clothing, K"),
            Output(name="window_min", meaning="length of the window, min"),
            Output(name="wbgt_effective_c", meaning="of the window, °C"),
            Output(name="mean_metabolic_rate_w", meaning="of the window, W"),
            Output(name="ral_c", meaning="limit for unacclimatised workers, °C"),
            Output(name="rel_c", meaning="limit for acclimatised workers, °C"),
            Output(name="over_ral_k", meaning="over it, K"),
            Output(name="over_rel_k", meaning="over it, K"),
        ),
        function=_effective,
        example="wbgt_c=29 duration_min=60 metabolic_rate_w=300 clothing=vapour_barrier_apron",
    ),
    Formula(
        name="rest_minutes",
        summary="rest that each hour of this work needs, at the rest place's own WBGT; paid, and after engineering controls",
        source="NIOSH 2016-106, sections 1.1.1, 1.1.3 and 8.1",
        inputs=(
            Column(name="wbgt_work_c", meaning="WBGT where the work is done, °C", low=0.0, high=60.0),
            RATE,
            Column(name="wbgt_rest_c", meaning="WBGT of the rest place, °C", low=0.0, high=60.0),
            CLOTHES,
            Column(name="resting_w", meaning="metabolic rate at rest, W", low=LOWEST_W, high=HIGHEST_W, default=RESTING_W),
        ),
        outputs=(
            Output(name="rest_min_acclimatised", meaning="min of each hour, by the REL"),
            Output(name="rest_min_unacclimatised", meaning="min of each hour, by the RAL"),
        ),
        function=_rest,
        example="wbgt_work_c=30 metabolic_rate_w=300 wbgt_rest_c=27",
    ),
    Formula(
        name="acclimatisation_plan",
        summary="most of the usual exposure on each day in the heat",
        source="NIOSH 2016-106, chapter 4",
        inputs=(
            Column(name="day", meaning="day in the heat, the first is 1", low=1.0, high=1000.0),
            Column(name="experienced", meaning="has done this job in the heat lately", kind=Kind.CHOICE, choices=YES_NO, default=0.0),
            Column(name="shift_min", meaning="usual exposure, min", low=1.0, high=1440.0, default=480.0),
        ),
        outputs=(Output(name="share_pct", meaning="of the usual exposure, %"), Output(name="longest_min", meaning="exposure that day, min")),
        function=_acclimatisation,
        example="day=1",
    ),
    Formula(
        name="phs",
        summary=f"predicted heat strain; needs the extra `{phs.EXTRA}`",
        source="ISO 7933:2023, as pythermalcomfort computes it",
        inputs=(
            Column(name="ta_c", meaning="air temperature, °C", low=15.0, high=50.0),
            Column(name="tr_c", meaning="mean radiant temperature, °C; 0-60 K over the air, up to 3 K under it taken as the air's", low=10.0, high=110.0),
            Column(name="v_ms", meaning="air speed, m/s", low=0.0, high=3.0),
            Column(name="rh_pct", meaning="relative humidity, %", low=0.0, high=100.0),
            Column(name="metabolic_rate_w_m2", meaning="metabolic rate of a square metre of skin, W/m²", low=56.0, high=250.0, hint="is it in W?"),
            Column(name="clo", meaning="insulation of the clothing, clo", low=0.1, high=1.0),
            Column(name="posture", meaning="posture", kind=Kind.CHOICE, choices=phs.POSTURES),
            Column(name="duration_min", meaning="length of the work, min", low=1.0, high=480.0, default=480.0),
            ACCLIMATISED,
            Column(name="drinks", meaning="may drink freely", kind=Kind.CHOICE, choices=YES_NO, default=1.0),
            Column(name="weight_kg", meaning="body mass, kg", low=30.0, high=200.0, default=75.0),
            Column(name="height_m", meaning="height, m", low=1.2, high=2.2, default=1.8),
            Column(name="reflective_share", meaning="of the body under clothing that reflects heat", low=0.0, high=1.0, default=0.0),
            Column(name="reflection", meaning="share of the radiant heat that such clothing reflects", low=0.0, high=1.0, default=0.42),
        ),
        outputs=(
            Output(name="t_re_c", meaning="rectal temperature at the end, °C"),
            Output(name="t_sk_c", meaning="skin temperature at the end, °C"),
            Output(name="t_cr_c", meaning="core temperature at the end, °C"),
            Output(name="water_loss_g", meaning="water loss, g"),
            Output(name="d_lim_water_loss_min", meaning="longest work by water loss, min"),
            Output(name="d_lim_t_re_min", meaning="longest work by rectal temperature 38 °C, min"),
        ),
        function=_phs,
        example="ta_c=33 tr_c=34 v_ms=0.3 rh_pct=60 metabolic_rate_w_m2=100 clo=0.5 posture=standing acclimatised=yes",
    ),
)
