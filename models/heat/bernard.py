"""Natural wet bulb indoors, estimated from air temperature, psychrometric wet bulb, globe temperature and air speed.

Bernard & Pourmoghani, "Prediction of workplace wet bulb globe temperature", Appl. Occup. Environ. Hyg. 14 (1999), 126-134; recommended for
indoor WBGT by Lemke & Kjellstrom, Ind. Health 50 (2012). °C and m/s. For rooms without sun; air speeds beyond 0.03-3 m/s take the value at the end of that range.

The paper changes formula where the globe is 4 K over the air, and there its result can jump by more than 1 K, upwards in moist still air and
downwards in dry air. Radiant heat cannot cool a wick, and a jump would make an alarm flutter, so `natural_wet_bulb_c` never takes less than the
formula without radiant heat and moves to the other one linearly between 3 and 4 K. It equals the paper up to 3 K and, wherever the paper rises,
from 4 K on; between them it lies above the paper, never below.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array

RADIANT_FROM_K = 4.0
RAMP_FROM_K = 3.0


def convection_factor(v_ms: npt.ArrayLike) -> Array:
    """C of the formula without radiant heat: the share of the wet bulb depression that natural air movement reaches.

    >>> [round(float(c), 3) for c in convection_factor([0.0, 0.3, 4.0])]
    [0.85, 0.924, 1.0]
    """
    v = np.asarray(v_ms, dtype=np.float64)
    middle = 0.96 + 0.069 * np.log10(np.clip(v, 0.03, 3.0))
    return np.where(v < 0.03, 0.85, np.where(v > 3.0, 1.0, middle))


def radiation_offset(v_ms: npt.ArrayLike) -> Array:
    """e of the formula with radiant heat, K.

    >>> [round(float(e), 3) for e in radiation_offset([0.05, 0.3, 2.0])]
    [1.1, 0.176, -0.1]
    """
    v = np.asarray(v_ms, dtype=np.float64)
    middle = 0.10 / np.clip(v, 0.1, 1.0) ** 1.1 - 0.2
    return np.where(v < 0.1, 1.1, np.where(v > 1.0, -0.1, middle))


def natural_wet_bulb_c(ta_c: npt.ArrayLike, wet_bulb_c: npt.ArrayLike, tg_c: npt.ArrayLike, v_ms: npt.ArrayLike) -> Array:
    """Natural wet bulb without the paper's step (see above), °C; arrays broadcast.

    >>> [round(float(t), 2) for t in natural_wet_bulb_c(33.0, 26.26, [33.0, 36.0, 43.0], 0.3)]
    [26.77, 26.77, 28.94]
    """
    calm, radiant = _branches(ta_c, wet_bulb_c, tg_c, v_ms)
    excess = np.asarray(tg_c, dtype=np.float64) - np.asarray(ta_c, dtype=np.float64)
    weight = np.clip((excess - RAMP_FROM_K) / (RADIANT_FROM_K - RAMP_FROM_K), 0.0, 1.0)
    return np.asarray(calm + weight * np.maximum(radiant - calm, 0.0))


def published_natural_wet_bulb_c(ta_c: npt.ArrayLike, wet_bulb_c: npt.ArrayLike, tg_c: npt.ArrayLike, v_ms: npt.ArrayLike) -> Array:
    """The paper to the letter, with its step at 4 K; for comparison.

    >>> round(float(published_natural_wet_bulb_c(25.0, 17.9615, 43.3737, 0.44704)), 2)
    22.6
    """
    calm, radiant = _branches(ta_c, wet_bulb_c, tg_c, v_ms)
    excess = np.asarray(tg_c, dtype=np.float64) - np.asarray(ta_c, dtype=np.float64)
    return np.where(excess < RADIANT_FROM_K, calm, radiant)


def _branches(ta_c: npt.ArrayLike, wet_bulb_c: npt.ArrayLike, tg_c: npt.ArrayLike, v_ms: npt.ArrayLike) -> tuple[Array, Array]:
    ta, tw, tg = (np.asarray(given, dtype=np.float64) for given in (ta_c, wet_bulb_c, tg_c))
    return np.asarray(ta - convection_factor(v_ms) * (ta - tw)), np.asarray(tw + 0.25 * (tg - ta) + radiation_offset(v_ms))
