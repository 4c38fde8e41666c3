"""Normal, Student and noncentral t distributions, as the formulas of this room need them: thin, typed access to scipy.special."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from models.arrays import Array

Z95 = 1.6448536269514722
"""95th percentile of the standard normal distribution."""
LOG_SQRT_2PI = 0.9189385332046727
NARROW = 1e-9
LOG_HUGE = 700.0


def cdf(z: npt.ArrayLike) -> Array:
    """Probability of a standard normal value at or below z."""
    return np.asarray(special.ndtr(np.asarray(z, dtype=np.float64)))


def quantile(probability: npt.ArrayLike) -> Array:
    """Standard normal value that is not exceeded with this probability."""
    return np.asarray(special.ndtri(np.asarray(probability, dtype=np.float64)))


def log_density(z: npt.ArrayLike) -> Array:
    """Natural log of the standard normal density."""
    return np.asarray(-0.5 * np.square(np.asarray(z, dtype=np.float64)) - LOG_SQRT_2PI)


def log_between(low: npt.ArrayLike, high: npt.ArrayLike) -> Array:
    """Natural log of the probability of a standard normal value between two bounds, exact far out in the tails; -inf and inf are bounds too.

    >>> log_between([-np.inf, 40.0], [0.0, np.inf]).round(3).tolist()
    [-0.693, -804.608]
    """
    a, b = np.broadcast_arrays(np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64))
    a, b = np.where(a > 0, -b, a), np.where(a > 0, -a, b)
    log_a, log_b = special.log_ndtr(a), special.log_ndtr(b)
    with np.errstate(divide="ignore", invalid="ignore"):
        wide = log_b + np.log(-np.expm1(log_a - log_b))
        narrow = log_density(0.5 * (a + b)) + np.log(b - a)
    return np.asarray(np.where(b - a < NARROW, narrow, wide))


def mean_between(low: npt.ArrayLike, high: npt.ArrayLike) -> Array:
    """Mean of the standard normal values between two bounds, exact far out in the tails; -inf and inf are bounds too.

    >>> mean_between([-np.inf, 40.0, -1.0], [0.0, np.inf, 1.0]).round(3).tolist()
    [-0.798, 40.025, 0.0]
    """
    a, b = np.broadcast_arrays(np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64))
    mirrored = (a > 0) | np.isposinf(b)
    a, b = np.where(mirrored, -b, a), np.where(mirrored, -a, b)
    with np.errstate(divide="ignore"):
        one_sided = -np.sqrt(2.0 / np.pi) / special.erfcx(-b / np.sqrt(2.0))
    log_p = log_between(a, b)
    two_sided = np.exp(np.minimum(log_density(a) - log_p, LOG_HUGE)) - np.exp(np.minimum(log_density(b) - log_p, LOG_HUGE))
    found = np.where(np.isneginf(a), one_sided, np.clip(two_sided, a, b))
    return np.asarray(np.where(mirrored, -found, found))


def student_quantile(probability: float, degrees: float) -> float:
    """Student's t that is not exceeded with this probability."""
    return float(special.stdtrit(degrees, probability))


def noncentral_t_quantile(probability: float, degrees: float, noncentrality: float) -> float:
    """Noncentral t that is not exceeded with this probability."""
    return float(special.nctdtrit(degrees, noncentrality, probability))


def noncentrality_of(probability: float, degrees: float, t: float) -> float:
    """The noncentrality under which a noncentral t stays at or below `t` with this probability."""
    return float(special.nctdtrinc(degrees, probability, t))


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Beta value that is not exceeded with this probability; the end of the range where a parameter is 0."""
    if a <= 0:
        return 0.0
    return 1.0 if b <= 0 else float(special.betaincinv(a, b, probability))


def confluent_0f1(b: float, z: float) -> float:
    """The series 0F1(; b; z) of Finney's and Aitchison and Brown's function."""
    return float(special.hyp0f1(b, z))
