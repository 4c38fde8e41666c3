"""Lognormal fit of results with non-detects by maximum likelihood: `<`, `>` and interval results enter as the probability of what they say; nothing is substituted.

Frome and Wambach, Statistical Methods and Software for the Analysis of Occupational Exposure Data with Non-Detectable Values, ORNL/TM-2005/52 (2005): limits by the delta
method with Student's t on m - 1 degrees of freedom, m the number of detects. In alpha = mu/sigma and tau = 1/sigma the log-likelihood is concave (Burridge, J. R. Stat. Soc. B
43 (1981) 41-45), so Newton's method finds the one maximum. Valid for m >= 2 results bounded on both sides that no single value explains.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.arrays import Array
from models.statistics.normal import Z95, cdf, log_between, log_density, student_quantile
from models.statistics.results import Results

STEPS_MAX = 200
DECREMENT = 1e-18


@dataclass(frozen=True, slots=True, kw_only=True)
class CensoredFit:
    """mu and sigma of the natural logs, their variances and covariance, and the number of detects."""

    mu: float
    sigma: float
    var_mu: float
    var_sigma: float
    cov: float
    detects: int
    log_likelihood: float

    def log_percentile_limit(self, confidence: float) -> float:
        """Natural log of the confidence limit of the 95th percentile."""
        variance = self.var_mu + Z95**2 * self.var_sigma + 2.0 * Z95 * self.cov
        return self.mu + Z95 * self.sigma + student_quantile(confidence, self.detects - 1) * math.sqrt(variance)

    def exceedance_limit(self, log_limit: float, confidence: float) -> float:
        """Upper confidence limit of the share of exposures over a limit; lower limit: confidence below one half."""
        z = (log_limit - self.mu) / self.sigma
        error = math.sqrt(self.var_mu + z**2 * self.var_sigma + 2.0 * z * self.cov) / self.sigma
        return float(cdf(-(z - student_quantile(confidence, self.detects - 1) * error)))


def is_estimable(results: Results) -> bool:
    """Whether the likelihood has one finite maximum and its limits are defined: two detects, and no single value that fits every result."""
    return results.detects >= 2 and bool(np.max(results.low) > np.min(results.high))


def fit_censored(results: Results) -> CensoredFit:
    """Maximum of the likelihood; `is_estimable` must hold.

    >>> from models.statistics.results import results_of
    >>> found = fit_censored(results_of(["<1.9"] * 3 + "4.5 2.0 2.1 5.5 2.2 3.0 2.4 2.5 2.5 3.5 2.8 2.9".split()))
    >>> round(found.mu, 4), round(found.sigma, 4)
    (0.9249, 0.3698)
    """
    with np.errstate(divide="ignore"):
        low, high = np.log(results.low), np.log(results.high)
    start = _substituted(low, high)
    centre, scale = float(np.mean(start)), float(np.std(start)) or 1.0
    likelihood = _Likelihood(low=(low - centre) / scale, high=(high - centre) / scale)
    theta = _maximum(likelihood)
    value, _, hessian = likelihood.at(theta)
    mu, sigma = theta[0] / theta[1], 1.0 / theta[1]
    jacobian = np.array([[1.0 / sigma, -mu / sigma**2], [0.0, -1.0 / sigma**2]])
    covariance = scale**2 * np.linalg.inv(-jacobian.T @ hessian @ jacobian)
    exact = results.exact
    return CensoredFit(
        mu=float(centre + scale * mu),
        sigma=float(scale * sigma),
        var_mu=float(covariance[0, 0]),
        var_sigma=float(covariance[1, 1]),
        cov=float(covariance[0, 1]),
        detects=results.detects,
        log_likelihood=float(value - np.sum(exact) * math.log(scale) - np.sum(low[exact])),
    )


def _substituted(low: Array, high: Array) -> Array:
    """Where Newton starts only: an interval's middle, a one-sided result's bound."""
    return np.where(np.isinf(low), high, np.where(np.isinf(high), low, 0.5 * (low + np.where(np.isinf(high), low, high))))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Likelihood:
    low: Array
    high: Array

    def at(self, theta: Array) -> tuple[float, Array, Array]:
        """Log-likelihood of the standardised logs, its gradient and its Hessian in (mu/sigma, 1/sigma)."""
        exact = self.low == self.high
        parts = _exact_part(self.low[exact], theta), _interval_part(self.low[~exact], self.high[~exact], theta)
        return parts[0][0] + parts[1][0], parts[0][1] + parts[1][1], parts[0][2] + parts[1][2]


def _exact_part(y: Array, theta: Array) -> tuple[float, Array, Array]:
    alpha, tau = theta
    u = tau * y - alpha
    value = float(np.sum(log_density(u)) + len(y) * math.log(tau))
    gradient = np.array([np.sum(u), len(y) / tau - np.sum(u * y)])
    hessian = np.array([[-len(y), np.sum(y)], [np.sum(y), -len(y) / tau**2 - np.sum(y * y)]])
    return value, gradient, hessian


def _interval_part(low: Array, high: Array, theta: Array) -> tuple[float, Array, Array]:
    alpha, tau = theta
    below, above = tau * low - alpha, tau * high - alpha
    log_p = log_between(below, above)
    ends = []
    for u, y in ((below, low), (above, high)):
        finite = np.isfinite(y)
        weight = np.where(finite, np.exp(log_density(u) - log_p), 0.0)
        ends.append((weight, np.where(finite, u, 0.0), np.array([-np.ones_like(y), np.where(finite, y, 0.0)])))
    (weight_a, u_a, slope_a), (weight_b, u_b, slope_b) = ends
    slopes = weight_b * slope_b - weight_a * slope_a
    hessian = _outer(weight_a * u_a, slope_a) - _outer(weight_b * u_b, slope_b) - _outer(np.ones_like(low), slopes)
    return float(np.sum(log_p)), np.sum(slopes, axis=1), hessian


def _outer(weights: Array, slopes: Array) -> Array:
    return np.asarray((weights * slopes) @ slopes.T)


def _maximum(likelihood: _Likelihood) -> Array:
    theta: Array = np.array([0.0, 1.0])
    value, gradient, hessian = likelihood.at(theta)
    for _ in range(STEPS_MAX):
        step = np.asarray(np.linalg.solve(-hessian, gradient), dtype=np.float64)
        found = _uphill(likelihood, theta, step, value)
        if float(gradient @ step) < DECREMENT or found is None:
            break
        theta = found
        value, gradient, hessian = likelihood.at(theta)
    return theta


def _uphill(likelihood: _Likelihood, theta: Array, step: Array, value: float) -> Array | None:
    """The longest of the halved steps that climbs; None where none does, at the top within rounding."""
    for halving in range(60):
        tried = theta + step * 0.5**halving
        if tried[1] > 0 and likelihood.at(tried)[0] > value:
            return np.asarray(tried)
    return None
