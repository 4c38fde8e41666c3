"""Heat by rows: WBGT and what goes into it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.arrays import Array
from models.calculator.column import YES_NO, Column, Kind
from models.calculator.formula import Answer, Formula, Output, Values
from models.heat import absent, bernard, wick
from models.heat.globe import SMALLEST_DIAMETER_MM, STANDARD_DIAMETER_MM, globe_temperature_c, mean_radiant_temperature_c
from models.heat.heat_index import heat_index_c
from models.heat.liljegren import outdoors, radiation_at
from models.heat.psychrometrics import STANDARD_PRESSURE_HPA, psychrometric_wet_bulb_c
from models.heat.sun import sun_at
from models.heat.uncertainty import spread
from models.heat.wbgt import estimated_wbgt_c, sunlit_wbgt_c, wbgt_c
from models.heat.wet_bulb import stull_wet_bulb_c, thermodynamic_wet_bulb_c
from models.heat.wind import speed_at_2m_ms, stability_class

TA = Column(name="ta_c", meaning="air temperature, °C", low=0.0, high=60.0)
RH = Column(name="rh_pct", meaning="relative humidity, %", low=0.0, high=100.0)
TG = Column(name="tg_c", meaning="globe temperature, °C", low=0.0, high=120.0)
V = Column(name="v_ms", meaning="air speed, m/s", low=0.0, high=5.0)
DIAMETER = Column(name="tg_diameter_mm", meaning="diameter of the globe, mm", low=SMALLEST_DIAMETER_MM, high=STANDARD_DIAMETER_MM, default=STANDARD_DIAMETER_MM)
PRESSURE = Column(name="pressure_hpa", meaning="air pressure, hPa", low=500.0, high=1100.0, default=STANDARD_PRESSURE_HPA)
TNWB_OUT = Output(name="tnwb_c", meaning="natural wet bulb temperature, °C")
WBGT_OUT = Output(name="wbgt_c", meaning="WBGT, °C")

GLOBE_UNDER_AIR_K, GLOBE_OVER_AIR_K = 10.0, 70.0
FROM_1950_S, TO_2050_S = -631_152_000.0, 2_556_144_000.0
"""Over which the sun's place is good to 0.01°."""
SUN_DOUBT_W_M2, SUN_DOUBT_SHARE = 100.0, 1.5


def _globe_reasons(values: Values) -> list[str]:
    excess = values["tg_c"] - values["ta_c"]
    return [
        "" if -GLOBE_UNDER_AIR_K <= one <= GLOBE_OVER_AIR_K else f"tg_c is {one:+.1f} K from ta_c: valid from -{GLOBE_UNDER_AIR_K:g} to +{GLOBE_OVER_AIR_K:g} K" for one in excess
    ]


def _standard_globe(values: Values) -> Array:
    """150 mm globe for globes of any of the allowed diameters, one a row."""
    tg, ta, v, diameter = values["tg_c"], values["ta_c"], values["v_ms"], values["tg_diameter_mm"]
    corrected = globe_temperature_c(mean_radiant_temperature_c(tg, ta, v, diameter), ta, v)
    return np.where(diameter == STANDARD_DIAMETER_MM, tg, corrected)


def _wbgt_indoor(values: Values, method: str) -> Answer:
    ta, rh, v, pressure = values["ta_c"], values["rh_pct"], values["v_ms"], values["pressure_hpa"]
    globe = _standard_globe(values)
    if method == "wick":
        radiant = mean_radiant_temperature_c(values["tg_c"], ta, v, values["tg_diameter_mm"])
        wet = wick.natural_wet_bulb_c(ta, rh, radiant, v, pressure)
    elif method == "bernard":
        wet = bernard.natural_wet_bulb_c(ta, psychrometric_wet_bulb_c(ta, rh, pressure), globe, v)
    else:
        wet = bernard.published_natural_wet_bulb_c(ta, psychrometric_wet_bulb_c(ta, rh, pressure), globe, v)
    return Answer(columns={"tnwb_c": wet, "wbgt_c": wbgt_c(wet, globe)}, refused=_globe_reasons(values))


def _wbgt_outdoor(values: Values, _method: str) -> Answer:
    time, lat, lon, solar = values["time_utc"], values["lat"], values["lon"], values["solar_w_m2"]
    found = outdoors(values["ta_c"], values["rh_pct"], values["v_2m_ms"], radiation_at(time, lat, lon, solar), values["pressure_hpa"])
    doubtful = solar > SUN_DOUBT_W_M2 + SUN_DOUBT_SHARE * sun_at(time, lat, lon).above_atmosphere_w_m2
    refused = ["solar_w_m2 is far more than the sun gives there at that time: check time_utc, lat and lon" if one else "" for one in doubtful]
    return Answer(columns={"tg_c": found.tg_c, "tnwb_c": found.tnwb_c, "wbgt_c": found.wbgt_c}, refused=refused)


def _wbgt(values: Values, _method: str) -> Answer:
    sunlit = values["sun"] > 0.5
    found = np.where(sunlit, sunlit_wbgt_c(values["tnwb_c"], values["tg_c"], values["ta_c"]), wbgt_c(values["tnwb_c"], values["tg_c"]))
    missing = sunlit & np.isnan(values["ta_c"])
    return Answer(columns={"wbgt_c": found}, refused=["ta_c is empty: WBGT in the sun needs it" if one else "" for one in missing])


def _mrt(values: Values, _method: str) -> Answer:
    return Answer(columns={"mrt_c": mean_radiant_temperature_c(values["tg_c"], values["ta_c"], values["v_ms"], values["tg_diameter_mm"])}, refused=_globe_reasons(values))


def _globe_150(values: Values, _method: str) -> Answer:
    return Answer(columns={"tg_150mm_c": _standard_globe(values)}, refused=_globe_reasons(values))


def _wet_bulb(values: Values, _method: str) -> Answer:
    ta, rh, pressure = values["ta_c"], values["rh_pct"], values["pressure_hpa"]
    in_fit = (rh >= 5.0) & (rh <= 99.0) & (ta <= 50.0)
    return Answer(
        columns={
            "twb_c": psychrometric_wet_bulb_c(ta, rh, pressure),
            "twb_thermodynamic_c": thermodynamic_wet_bulb_c(ta, rh, pressure),
            "twb_stull_c": np.where(in_fit, stull_wet_bulb_c(ta, rh), np.nan),
        }
    )


def _heat_index(values: Values, _method: str) -> Answer:
    return Answer(columns={"hi_c": heat_index_c(values["ta_c"], values["rh_pct"])})


def _uncertainty(values: Values, _method: str) -> Answer:
    inputs = {name: values[name] for name in ("ta_c", "rh_pct", "tg_c", "v_ms", "tg_diameter_mm", "pressure_hpa")}
    widths = {"ta_c": values["u_ta_k"], "rh_pct": values["u_rh_pct"], "tg_c": values["u_tg_k"], "v_ms": values["u_v_ms"]}
    found = spread(_estimate, inputs, widths, {"rh_pct": (0.0, 100.0), "v_ms": (0.0, np.inf)})
    parts = {f"from_{name.partition('_')[0]}_k": part for name, part in found.parts.items()}
    return Answer(columns={"wbgt_c": found.value, "u_wbgt_k": found.width, **parts}, refused=_globe_reasons(values))


def _estimate(inputs: Mapping[str, Array]) -> Array:
    return estimated_wbgt_c(inputs["ta_c"], inputs["rh_pct"], _standard_globe(inputs), inputs["v_ms"], inputs["pressure_hpa"])


def _without_globe(values: Values, _method: str) -> Answer:
    return Answer(columns={"error_k": absent.without_globe_k(values["ta_c"], values["rh_pct"], values["tg_c"], values["v_ms"])}, refused=_globe_reasons(values))


def _without_anemometer(values: Values, _method: str) -> Answer:
    ta, rh, tg = values["ta_c"], values["rh_pct"], values["tg_c"]
    ends = [absent.without_anemometer_k(ta, rh, tg, values[name]) for name in ("v_low_ms", "v_high_ms")]
    refused = ["v_low_ms is over v_high_ms" if low > high else "" for low, high in zip(values["v_low_ms"], values["v_high_ms"], strict=True)]
    columns = {"wbgt_assumed_c": estimated_wbgt_c(ta, rh, tg, absent.ASSUMED_SPEED_MS), "error_low_k": ends[0], "error_high_k": ends[1]}
    return Answer(columns=columns, refused=[one or other for one, other in zip(_globe_reasons(values), refused, strict=True)])


def _small_globe(values: Values, _method: str) -> Answer:
    return Answer(columns={"error_k": absent.small_globe_k(values["ta_c"], values["rh_pct"], values["mrt_c"], values["v_ms"], values["tg_diameter_mm"])})


def _wind(values: Values, _method: str) -> Answer:
    stability = stability_class(values["v_ms"], values["solar_w_m2"], values["day"] > 0.5, values["warmer_above"] > 0.5)
    speed = speed_at_2m_ms(values["v_ms"], values["height_m"], stability, values["urban"] > 0.5)
    return Answer(columns={"v_2m_ms": speed, "stability_class": stability.astype(np.float64)})


URBAN = Column(name="urban", meaning="among buildings; at 2 m it changes nothing", kind=Kind.CHOICE, choices=YES_NO, default=0.0)
OUTDOOR_TA = Column(name="ta_c", meaning="air temperature, °C", low=-10.0, high=60.0)

FORMULAS = (
    Formula(
        name="wbgt_indoor",
        summary="WBGT without sun from air temperature, humidity, globe and air speed; an estimate, screening at best",
        source="bernard: Bernard & Pourmoghani, Appl. Occup. Environ. Hyg. 14 (1999), without its step at 4 K; wick: Liljegren et al., J. Occup. Environ. Hyg. 5 (2008) with the mean radiant"
        " temperature of ISO 7726; bernard-published: the paper to the letter; WBGT: ISO 7243:2017 clause 5",
        inputs=(TA, RH, TG, V, DIAMETER, PRESSURE),
        outputs=(TNWB_OUT, WBGT_OUT),
        function=_wbgt_indoor,
        methods=("bernard", "wick", "bernard-published"),
        example="ta_c=33 rh_pct=60 tg_c=36 v_ms=0.3",
    ),
    Formula(
        name="wbgt_outdoor",
        summary="WBGT in the open from weather data",
        source="Liljegren et al., J. Occup. Environ. Hyg. 5 (2008), 645-655, program version 1.1",
        inputs=(
            Column(name="time_utc", meaning="middle of the averaging time", kind=Kind.TIME, low=FROM_1950_S, high=TO_2050_S),
            Column(name="lat", meaning="latitude, degrees north", low=-90.0, high=90.0),
            Column(name="lon", meaning="longitude, degrees east", low=-180.0, high=360.0),
            Column(name="solar_w_m2", meaning="sunlight on a horizontal surface, W/m²", low=0.0, high=1500.0),
            OUTDOOR_TA,
            RH,
            PRESSURE,
            Column(name="v_2m_ms", meaning="air speed at 2 m, m/s", low=0.0, high=30.0),
            URBAN,
        ),
        outputs=(Output(name="tg_c", meaning="globe temperature, 50.8 mm, °C"), TNWB_OUT, WBGT_OUT),
        function=_wbgt_outdoor,
        example="time_utc=2024-04-15T06:00Z lat=1.3521 lon=103.8198 solar_w_m2=742 ta_c=32.1 rh_pct=68 pressure_hpa=1008.4 v_2m_ms=2.2",
    ),
    Formula(
        name="wbgt",
        summary="WBGT from a measured natural wet bulb",
        source="ISO 7243:2017 clause 5; NIOSH 2016-106",
        inputs=(
            Column(name="tnwb_c", meaning="natural wet bulb temperature, °C", low=-10.0, high=60.0),
            TG,
            Column(name="ta_c", meaning="air temperature, °C; only in the sun", low=-10.0, high=60.0, open=True),
            Column(name="sun", meaning="the sun shines on the place", kind=Kind.CHOICE, choices=YES_NO, default=0.0),
        ),
        outputs=(WBGT_OUT,),
        function=_wbgt,
        example="tnwb_c=25 tg_c=32",
    ),
    Formula(
        name="mrt_iso7726",
        summary="mean radiant temperature from a globe",
        source="ISO 7726:1998 Annex B",
        inputs=(TG, TA, V, DIAMETER),
        outputs=(Output(name="mrt_c", meaning="mean radiant temperature, °C"),),
        function=_mrt,
        example="tg_c=36.5 ta_c=33 v_ms=0.3",
    ),
    Formula(
        name="globe_150mm",
        summary="a small globe's reading as a 150 mm globe would have shown it",
        source="ISO 7726:1998 Annex B, inverted for the small globe and forward for 150 mm",
        inputs=(TG, TA, V, DIAMETER),
        outputs=(Output(name="tg_150mm_c", meaning="globe temperature, 150 mm, °C"),),
        function=_globe_150,
        example="tg_c=39.5 ta_c=33 v_ms=0.3 tg_diameter_mm=40",
    ),
    Formula(
        name="wet_bulb",
        summary="wet bulbs that are not natural ones: psychrometric, thermodynamic, Stull's fit",
        source="Liljegren et al. (2008) without radiation; ASHRAE Fundamentals 2017, chapter 1, equation 33; Stull, J. Appl. Meteorol. Climatol. 50 (2011)",
        inputs=(TA, RH, PRESSURE),
        outputs=(
            Output(name="twb_c", meaning="psychrometric wet bulb, °C"),
            Output(name="twb_thermodynamic_c", meaning="thermodynamic wet bulb, °C"),
            Output(name="twb_stull_c", meaning="Stull's fit, sea level, 5-99 %, up to 50 °C; °C"),
        ),
        function=_wet_bulb,
        example="ta_c=33 rh_pct=60",
    ),
    Formula(
        name="heat_index_nws",
        summary="heat index with all adjustments; knows no radiation, air speed or work",
        source="NWS Technical Attachment SR 90-23 (1990), Weather Prediction Center's adjustments",
        inputs=(Column(name="ta_c", meaning="air temperature, °C", low=-20.0, high=50.0), RH),
        outputs=(Output(name="hi_c", meaning="heat index, °C"),),
        function=_heat_index,
        example="ta_c=32.2 rh_pct=50",
    ),
    Formula(
        name="heat_wbgt_uncertainty",
        summary="what the sensors' uncertainties do to an estimated WBGT (all at one level of coverage)",
        source="JCGM 100:2008, 5.1.2 and 5.1.3",
        inputs=(
            TA,
            RH,
            TG,
            V,
            DIAMETER,
            PRESSURE,
            Column(name="u_ta_k", meaning="of the air temperature, K", low=0.0, high=5.0, default=0.5),
            Column(name="u_rh_pct", meaning="of the humidity, %", low=0.0, high=20.0, default=3.0),
            Column(name="u_tg_k", meaning="of the globe, K", low=0.0, high=5.0, default=0.5),
            Column(name="u_v_ms", meaning="of the air speed, m/s", low=0.0, high=2.0, default=0.1),
        ),
        outputs=(
            WBGT_OUT,
            Output(name="u_wbgt_k", meaning="of the WBGT, K"),
            Output(name="from_ta_k", meaning="part of the air temperature, K"),
            Output(name="from_rh_k", meaning="part of the humidity, K"),
            Output(name="from_tg_k", meaning="part of the globe, K"),
            Output(name="from_v_k", meaning="part of the air speed, K"),
        ),
        function=_uncertainty,
        example="ta_c=33 rh_pct=60 tg_c=36 v_ms=0.3",
    ),
    Formula(
        name="wbgt_without_globe",
        summary="how far an estimated WBGT is off where the air temperature stands in for a globe",
        source="computed from the estimate; ISO 7726:1998",
        inputs=(TA, RH, TG, V),
        outputs=(Output(name="error_k", meaning="shown less true, K of WBGT"),),
        function=_without_globe,
        example="ta_c=33 rh_pct=60 tg_c=43 v_ms=0.3",
    ),
    Formula(
        name="wbgt_without_anemometer",
        summary="how far an estimated WBGT may be off where nobody measured the air speed (0.2 m/s assumed)",
        source="computed from the estimate",
        inputs=(
            TA,
            RH,
            TG,
            Column(name="v_low_ms", meaning="slowest credible air speed, m/s", low=0.0, high=5.0, default=0.0),
            Column(name="v_high_ms", meaning="fastest credible air speed, m/s", low=0.0, high=5.0, default=3.0),
        ),
        outputs=(
            Output(name="wbgt_assumed_c", meaning="WBGT at the assumed speed, °C"),
            Output(name="error_low_k", meaning="shown less true at the slowest, K"),
            Output(name="error_high_k", meaning="shown less true at the fastest, K"),
        ),
        function=_without_anemometer,
        example="ta_c=33 rh_pct=60 tg_c=36",
    ),
    Formula(
        name="small_globe",
        summary="how far an estimated WBGT is off where a small globe is taken for a 150 mm one",
        source="ISO 7726:1998 Annex B",
        inputs=(TA, RH, Column(name="mrt_c", meaning="mean radiant temperature, °C", low=0.0, high=120.0), V, DIAMETER),
        outputs=(Output(name="error_k", meaning="shown less true, K of WBGT"),),
        function=_small_globe,
        example="ta_c=33 rh_pct=60 mrt_c=50 v_ms=0.3 tg_diameter_mm=40",
    ),
    Formula(
        name="wind_2m",
        summary="air speed at 2 m from a wind mast",
        source="Irwin (1979) and EPA-454/R-99-005 (2000), section 6, as in Liljegren et al. (2008)",
        inputs=(
            Column(name="v_ms", meaning="wind speed at the mast, m/s", low=0.0, high=50.0),
            Column(name="height_m", meaning="height of the mast, m", low=2.0, high=30.0),
            Column(name="solar_w_m2", meaning="sunlight, W/m²", low=0.0, high=1500.0),
            Column(name="day", meaning="the sun is up", kind=Kind.CHOICE, choices=YES_NO),
            Column(name="urban", meaning="among buildings", kind=Kind.CHOICE, choices=YES_NO),
            Column(name="warmer_above", meaning="at night: temperature rises with height", kind=Kind.CHOICE, choices=YES_NO, default=0.0),
        ),
        outputs=(Output(name="v_2m_ms", meaning="air speed at 2 m, m/s"), Output(name="stability_class", meaning="after Pasquill, 1-6")),
        function=_wind,
        example="v_ms=2.8 height_m=10 solar_w_m2=742 day=yes urban=yes",
    ),
)
