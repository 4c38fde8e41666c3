"""Predicted heat strain, ISO 7933:2023, by the library pythermalcomfort (the extra `phs`): rectal and core temperature, water loss, and how long the work may last.

Limits: rectal temperature 38 °C; water loss 5 % of the body mass with free drinking, 3 % without; acceptable for 95 % of the exposed. Validity (Annex A, table A.1): air 15-50 °C,
radiant less air temperature 0-60 K, 0-3 m/s, vapour pressure 0.5-4.5 kPa, 56-250 W/m² (of body surface: 100-450 W of a person with 1.8 m²), 0.1-1.0 clo. Not for fully
reflective clothing, active cooling or impermeable coveralls. Against measurements the core temperature is off by 0.3 °C (root mean square).

The library returns NaN out of that range without a word, also for a radiant temperature a little under the air's, which fans make in every factory: within 3 K it is
taken as the air's, on the safe side. Left alone it also assumes clothing that reflects: here nothing reflects unless `reflective_share` says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from models.arrays import Array, Mask
from models.heat.psychrometrics import vapour_pressure_hpa

EXTRA = "phs"
POSTURES = ("sitting", "standing", "crouching")
A_LITTLE_UNDER_AIR_K = 3.0
MET_W_M2 = 58.15
_RESULTS = ("t_re", "t_sk", "t_cr", "sweat_loss_g", "d_lim_loss_95", "d_lim_t_re")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One row each; `posture` is an index into POSTURES."""

    ta_c: Array
    tr_c: Array
    v_ms: Array
    rh_pct: Array
    metabolic_rate_w_m2: Array
    clo: Array
    posture: Array
    duration_min: Array
    acclimatised: Mask
    drinks: Mask
    weight_kg: Array
    height_m: Array
    reflective_share: Array
    reflection: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Strain:
    """At the end of the exposure, °C and g; and the longest exposure by water loss and by rectal temperature, min (the duration itself when it is never reached)."""

    rectal_c: Array
    skin_c: Array
    core_c: Array
    water_loss_g: Array
    longest_by_water_loss_min: Array
    longest_by_rectal_min: Array


def predicted_heat_strain(exposure: Exposure) -> Strain:
    """NaN where `out_of_range` gives a reason; BadInput when the extra is not installed."""
    calculate = _library()
    found = {name: np.full(exposure.ta_c.shape, np.nan) for name in _RESULTS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the library hands broadcast arrays to its compiler
        for rows in _alike(exposure):
            answer = calculate(**_call(exposure, rows))
            for name in _RESULTS:
                found[name][rows] = np.asarray(getattr(answer, name), dtype=np.float64)
    return Strain(
        rectal_c=found["t_re"],
        skin_c=found["t_sk"],
        core_c=found["t_cr"],
        water_loss_g=found["sweat_loss_g"],
        longest_by_water_loss_min=found["d_lim_loss_95"],
        longest_by_rectal_min=found["d_lim_t_re"],
    )


def out_of_range(ta_c: npt.ArrayLike, tr_c: npt.ArrayLike, rh_pct: npt.ArrayLike) -> list[str]:
    """Reason for each row whose inputs are out of range together; "" where none is.

    >>> out_of_range([33.0, 33.0, 48.0], [32.0, 25.0, 48.0], [60.0, 60.0, 80.0])
    ['', 'tr_c is more than 3 K under ta_c', 'vapour pressure 9 kPa: the standard goes from 0.5 to 4.5']
    """
    ta, tr = np.asarray(ta_c, dtype=np.float64), np.asarray(tr_c, dtype=np.float64)
    kpa = vapour_pressure_hpa(ta, rh_pct) / 10.0
    return [_reason(over, vapour) for over, vapour in zip(tr - ta, kpa, strict=True)]


def _reason(radiant_over_air_k: float, vapour_kpa: float) -> str:
    if radiant_over_air_k < -A_LITTLE_UNDER_AIR_K:
        return f"tr_c is more than {A_LITTLE_UNDER_AIR_K:g} K under ta_c"
    if radiant_over_air_k > 60.0:
        return "tr_c is more than 60 K over ta_c"
    if not 0.5 <= vapour_kpa <= 4.5:
        return f"vapour pressure {vapour_kpa:.2g} kPa: the standard goes from 0.5 to 4.5"
    return ""


def _alike(exposure: Exposure) -> list[npt.NDArray[np.intp]]:
    """Rows that differ only in what the library takes as arrays."""
    scalars = np.column_stack(
        [exposure.duration_min, exposure.acclimatised, exposure.drinks, exposure.weight_kg, exposure.height_m, exposure.reflective_share, exposure.reflection]
    )
    _, kind = np.unique(scalars, axis=0, return_inverse=True)
    return [np.flatnonzero(kind.ravel() == one) for one in range(int(kind.max(initial=-1)) + 1)]


def _call(exposure: Exposure, rows: npt.NDArray[np.intp]) -> dict[str, Any]:
    first = rows[0]
    return {
        "tdb": exposure.ta_c[rows],
        "tr": np.maximum(exposure.tr_c, exposure.ta_c)[rows],
        "v": exposure.v_ms[rows],
        "rh": exposure.rh_pct[rows],
        "met": exposure.metabolic_rate_w_m2[rows] / MET_W_M2,
        "clo": exposure.clo[rows],
        "posture": [POSTURES[int(index)] for index in exposure.posture[rows]],
        "round_output": False,
        "model": "7933-2023",
        "limit_inputs": False,
        "duration": int(exposure.duration_min[first]),
        "acclimatized": 100 if exposure.acclimatised[first] else 0,
        "drink": int(exposure.drinks[first]),
        "weight": float(exposure.weight_kg[first]),
        "height": float(exposure.height_m[first]),
        "a_p": float(exposure.reflective_share[first]),
        "f_r": float(exposure.reflection[first]),
    }


def _library() -> Callable[..., object]:
    try:
        module = import_module("pythermalcomfort.models")
    except ImportError:
        raise BadInput("predicted heat strain needs pythermalcomfort", remedy=f"pip install 'oshwatch[{EXTRA}]'") from None
    calculate: Callable[..., object] = module.phs
    return calculate
