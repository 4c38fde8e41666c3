"""Energy means and daily exposure level, ISO 9612:2009 clause 3 and Directive 2003/10/EC article 2: dB(A) and minutes, reference duration 8 h."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array

REFERENCE_MIN = 480.0


def energy(level_db: npt.ArrayLike) -> Array:
    """Relative energy 10^(L/10)."""
    return np.asarray(10.0 ** (np.asarray(level_db, dtype=np.float64) / 10.0))


def level(relative_energy: npt.ArrayLike) -> Array:
    """Level of a relative energy, dB; no energy is -inf."""
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(np.asarray(relative_energy, dtype=np.float64)))


def energy_mean(level_db: npt.ArrayLike, minutes: npt.ArrayLike = 1.0) -> Array:
    """Equivalent level over the last axis, weighted by duration.

    >>> round(float(energy_mean([80.1, 82.2, 79.6])), 1)
    80.8
    """
    energies = energy(level_db)
    weights = np.broadcast_to(np.asarray(minutes, dtype=np.float64), energies.shape)
    return level(np.sum(energies * weights, axis=-1) / np.sum(weights, axis=-1))


def lex_8h(level_db: npt.ArrayLike, minutes: npt.ArrayLike) -> Array:
    """Daily exposure level of tasks or minutes along the last axis: 10 lg of the sum of (T/8 h) 10^(L/10).

    >>> round(float(lex_8h([70.0, 80.79, 90.10], [90, 300, 90])), 1)
    84.3
    """
    energies = energy(level_db)
    return level(np.sum(energies * np.asarray(minutes, dtype=np.float64), axis=-1) / REFERENCE_MIN)
