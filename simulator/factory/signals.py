"""First-order lags and Ornstein-Uhlenbeck processes over blocks of time; what a block ends with, the next begins with."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Array = npt.NDArray[np.float64]


def dice(seed: int, *names: object) -> np.random.Generator:
    """A generator of its own for every purpose and day, the same in every process."""
    digest = hashlib.sha256("/".join(str(name) for name in (seed, *names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


class Lag:
    """x' = (input - x) / tau over columns, exact for an input that is held over a step."""

    def __init__(self, tau_s: float, step_s: float) -> None:
        self._keep = float(np.exp(-step_s / tau_s)) if tau_s > 0 else 0.0
        self._last: Array | None = None

    def over(self, values: Array) -> Array:
        if self._last is None:
            self._last = values[0].copy() if values.ndim > 1 else values[:1].copy()
        return _filtered(values, self._keep, 1 - self._keep, self)


class Wander:
    """A stationary Gaussian process with this standard deviation and correlation time."""

    def __init__(self, sd: float, tau_s: float, step_s: float, first: Array) -> None:
        self._keep = float(np.exp(-step_s / tau_s))
        self._kick = float(sd * np.sqrt(1 - self._keep**2))
        self._last: Array | None = sd * first

    def over(self, normals: Array | npt.NDArray[np.float32]) -> Array:
        return _filtered(normals, self._keep, self._kick, self)


def _filtered(values: Array | npt.NDArray[np.float32], keep: float, gain: float, state: Any) -> Array:
    before = keep * state._last  # noqa: SLF001 - both classes of this file
    found, _ = lfilter([gain], [1.0, -keep], values, axis=0, zi=before.reshape((1, *values.shape[1:])))
    result: Array = np.asarray(found)
    state._last = result[-1].copy() if result.ndim > 1 else result[-1:].copy()  # noqa: SLF001
    return result


def saturation_hpa(temperature_c: Array) -> Array:
    """Magnus formula over water (WMO 2008), hPa."""
    return np.asarray(6.112 * np.exp(17.62 * temperature_c / (243.12 + temperature_c)))


def vapour_g_m3(pressure_hpa: Array, temperature_c: Array) -> Array:
    """Density of water vapour of this partial pressure, ideal gas."""
    return 216.7 * pressure_hpa / (temperature_c + 273.15)


def pressure_hpa(vapour: Array, temperature_c: Array) -> Array:
    """The inverse."""
    return vapour * (temperature_c + 273.15) / 216.7
