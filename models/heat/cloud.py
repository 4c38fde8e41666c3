"""Sunlight on a level surface from cloud cover, where nobody forecasts it: Kasten & Czeplak, Solar Energy 24 (1980), 177-189.

Clear sky 910 sin h - 30 W/m², h the sun's altitude; clouds leave 1 - 0.75 (N/8)^3.4 of it, N in eighths. Hourly means; fitted to ten years of Hamburg, so an estimate elsewhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array


def solar_from_cloud_w_m2(cos_zenith: npt.ArrayLike, cloud_pct: npt.ArrayLike) -> Array:
    """W/m²; 0 while the sun is down or so low that the formula is negative.

    >>> solar_from_cloud_w_m2([0.9, 0.9, 0.9, -0.2], [0.0, 50.0, 100.0, 0.0]).round(0).tolist()
    [789.0, 733.0, 197.0, 0.0]
    """
    clear = np.maximum(910.0 * np.asarray(cos_zenith, dtype=np.float64) - 30.0, 0.0)
    return np.asarray(clear * (1.0 - 0.75 * (np.asarray(cloud_pct, dtype=np.float64) / 100.0) ** 3.4))
