"""The Bayesian model of WebExpo and Expostats ("SEG.informedvar") without Markov chains: its two-parameter posterior is integrated on a grid.

Logs of results as shares of the limit are N(mu, sigma); mu ~ U(-20, 20); ln sigma ~ N(-0.1744, precision 2.5523), from 165 groups of Kromhout et al., Ann. Occup. Hyg. 37 (1993)
253-270. `<`, `>` and interval results enter as probabilities. Estimates are posterior medians, intervals from the 5th to the 95th percentile. Valid for any n >= 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.arrays import Array, Mask
from models.statistics.aiha import BAND_EDGES
from models.statistics.lognormal import Interval
from models.statistics.normal import Z95, cdf, log_between, mean_between
from models.statistics.results import Results

MU_LOW, MU_HIGH = -20.0, 20.0
LOG_SIGMA_MEAN, LOG_SIGMA_PRECISION = -0.1744, 2.5523
LOG_SIGMA_LOW = math.log(1e-9)
"""Results alike in every digit say no more about sigma than this."""
NODES_SIGMA, NODES_MU, NODES_SEARCH = 300, 300, 60
DEPTH = 36.0
"""Log-density below its top at which the grid ends: e^-36 of the mass is left out."""
BISECTIONS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Bayes:
    """Estimates with 90 % credible intervals; probabilities that the 95th percentile and the mean are over the limit, and of each AIHA band of the 95th percentile."""

    gm: Interval
    gsd: Interval
    am: Interval
    x95: Interval
    exceedance: Interval
    p_x95_over: float
    p_am_over: float
    band_probabilities: tuple[float, ...]

    @property
    def band(self) -> int:
        """The most probable band; of two alike the higher."""
        return max(range(len(self.band_probabilities)), key=lambda band: (self.band_probabilities[band], band))


def informed_variance(results: Results, limit: float) -> Bayes:
    """Posterior of a group's distribution against a limit.

    >>> from models.statistics.results import results_of
    >>> found = informed_variance(results_of("28.9 19.4 <5.5 >149.9 26.42 56.1 [10-20]".split()), 100.0)
    >>> round(found.gm.est, 1), round(found.p_x95_over, 2), found.band
    (26.7, 0.9, 4)
    """
    posterior = _posterior(_Data.of(results, limit))
    below = [posterior.below(lambda sigma, edge=edge: math.log(edge) - Z95 * sigma) for edge in BAND_EDGES]  # type: ignore[misc]
    bands = np.diff([0.0, *below, 1.0])
    exceedance = posterior.interval(lambda sigma, t: t * sigma, posterior.low / posterior.sigma, posterior.high / posterior.sigma)
    sigma = posterior.sigma_quantiles((0.5, 0.05, 0.95))
    return Bayes(
        gm=_scaled(posterior.interval_of(np.zeros_like), limit),
        gsd=Interval(est=math.exp(sigma[0]), lcl=math.exp(sigma[1]), ucl=math.exp(sigma[2])),
        am=_scaled(posterior.interval_of(lambda sigma: sigma**2 / 2.0), limit),
        x95=_scaled(posterior.interval_of(lambda sigma: Z95 * sigma), limit),
        exceedance=Interval(est=float(cdf(exceedance[0])), lcl=float(cdf(exceedance[1])), ucl=float(cdf(exceedance[2]))),
        p_x95_over=float(max(bands[-1], 0.0)),
        p_am_over=max(0.0, 1.0 - posterior.below(lambda sigma: -(sigma**2) / 2.0)),
        band_probabilities=tuple(float(max(share, 0.0)) for share in bands),
    )


def _scaled(logs: tuple[float, float, float], limit: float) -> Interval:
    est, lcl, ucl = (limit * math.exp(value) for value in logs)
    return Interval(est=est, lcl=lcl, ucl=ucl)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Data:
    """Logs of shares of the limit: the exact ones by their count, mean and sum of squares, the others by their bounds and how often each occurs."""

    n: int
    mean: float
    squares: float
    low: Array
    high: Array
    counts: Array

    @classmethod
    def of(cls, results: Results, limit: float) -> _Data:
        with np.errstate(divide="ignore"):
            low, high = np.log(results.low) - math.log(limit), np.log(results.high) - math.log(limit)
        exact = low[results.exact]
        mean = float(np.mean(exact)) if len(exact) else 0.0
        pairs, counts = np.unique(np.column_stack([low, high])[~results.exact], axis=0, return_counts=True)
        return cls(n=len(exact), mean=mean, squares=float(np.sum((exact - mean) ** 2)), low=pairs[:, 0], high=pairs[:, 1], counts=counts.astype(np.float64))

    def log_likelihood(self, mu: Array, sigma: Array) -> Array:
        found = -self.n * np.log(sigma) - (self.squares + self.n * (self.mean - mu) ** 2) / (2.0 * sigma**2)
        for low, high, count in zip(self.low, self.high, self.counts, strict=True):
            found = found + count * log_between((low - mu) / sigma, (high - mu) / sigma)
        return np.asarray(found)

    def slope(self, mu: Array, sigma: Array) -> Array:
        """Derivative of the log-likelihood in mu, which falls from left to right."""
        found = self.n * (self.mean - mu) / sigma**2
        for low, high, count in zip(self.low, self.high, self.counts, strict=True):
            found = found + count * mean_between((low - mu) / sigma, (high - mu) / sigma) / sigma
        return np.asarray(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Posterior:
    """A row for each sigma: its weight, and the distribution of mu given it on an even grid from `low` to `high`."""

    sigma: Array
    weights: Array
    low: Array
    high: Array
    distribution: Array

    def below(self, boundary: Callable[[Array], Array]) -> float:
        """Probability of mu at or under a boundary that depends on sigma."""
        last = self.distribution.shape[1] - 1
        place = np.clip((boundary(self.sigma) - self.low) / (self.high - self.low), 0.0, 1.0) * last
        index = np.minimum(place.astype(np.int64), last - 1)
        rows = np.arange(len(index))
        left, right = self.distribution[rows, index], self.distribution[rows, index + 1]
        return float(self.weights @ (left + (place - index) * (right - left)))

    def interval_of(self, shift: Callable[[Array], Array]) -> tuple[float, float, float]:
        """Median, 5th and 95th percentile of mu + shift(sigma)."""
        shifts = shift(self.sigma)
        return self.interval(lambda _, t: t - shifts, self.low + shifts, self.high + shifts)

    def interval(self, boundary: Callable[[Array, float], Array], low: Array, high: Array) -> tuple[float, float, float]:
        """Median, 5th and 95th percentile of the quantity that is at most t where mu is at most boundary(sigma, t)."""
        found = []
        for probability in (0.5, 0.05, 0.95):
            left, right = float(np.min(low)), float(np.max(high))
            for _ in range(BISECTIONS):
                middle = 0.5 * (left + right)
                left, right = (middle, right) if self.below(lambda sigma, t=middle: boundary(sigma, t)) < probability else (left, middle)  # type: ignore[misc]
            found.append(0.5 * (left + right))
        return found[0], found[1], found[2]

    def sigma_quantiles(self, probabilities: tuple[float, ...]) -> list[float]:
        """Quantiles of sigma, between nodes that are even in its log."""
        cumulated = np.concatenate([[0.0], np.cumsum(0.5 * (self.weights[1:] + self.weights[:-1]))])
        return [float(value) for value in np.exp(np.interp(np.asarray(probabilities) * cumulated[-1], cumulated, np.log(self.sigma)))]


def _posterior(data: _Data) -> _Posterior:
    log_sigma = np.linspace(*_range_of_log_sigma(data), NODES_SIGMA)
    sigma, low, high, logs = _rows(data, log_sigma, NODES_MU)
    log_weights = _log_marginal(log_sigma, low, high, logs)
    weights = np.exp(log_weights - np.max(log_weights))
    density = np.exp(logs - np.max(logs, axis=1, keepdims=True))
    steps = np.cumsum(0.5 * (density[:, 1:] + density[:, :-1]), axis=1)
    distribution = np.concatenate([np.zeros((len(sigma), 1)), steps], axis=1) / steps[:, -1:]
    return _Posterior(sigma=sigma, weights=weights / np.sum(weights), low=low, high=high, distribution=distribution)


def _log_marginal(log_sigma: Array, low: Array, high: Array, logs: Array) -> Array:
    """Log of the posterior density of ln sigma, up to a constant."""
    top = np.max(logs, axis=1)
    inside = np.exp(logs - top[:, None])
    area = (np.sum(inside, axis=1) - 0.5 * (inside[:, 0] + inside[:, -1])) * (high - low)
    return np.asarray(np.log(area) + top - 0.5 * LOG_SIGMA_PRECISION * (log_sigma - LOG_SIGMA_MEAN) ** 2)


def _rows(data: _Data, log_sigma: Array, nodes: int) -> tuple[Array, Array, Array, Array]:
    sigma = np.exp(log_sigma)
    low, high = _range_of_mu(data, sigma)
    mu = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, nodes)
    return sigma, low, high, data.log_likelihood(mu, sigma[:, None])


def _range_of_mu(data: _Data, sigma: Array) -> tuple[Array, Array]:
    """Where the likelihood of mu, which has one top, is within e^-36 of it, for each sigma."""
    left, right = np.full_like(sigma, MU_LOW), np.full_like(sigma, MU_HIGH)
    top = _bisected(left, right, lambda mu: data.slope(mu, sigma) > 0)
    floor = data.log_likelihood(top, sigma) - DEPTH
    return _bisected(left, top, lambda mu: data.log_likelihood(mu, sigma) < floor), _bisected(top, right, lambda mu: data.log_likelihood(mu, sigma) > floor)


def _bisected(left: Array, right: Array, to_the_right: Callable[[Array], Mask]) -> Array:
    for _ in range(BISECTIONS):
        middle = 0.5 * (left + right)
        beyond = to_the_right(middle)
        left, right = np.where(beyond, middle, left), np.where(beyond, right, middle)
    return 0.5 * (left + right)


def _range_of_log_sigma(data: _Data) -> tuple[float, float]:
    """Where the posterior of ln sigma is within e^-36 of its top: a coarse grid is narrowed until half of it is inside."""
    spread = math.sqrt(2.0 * DEPTH / LOG_SIGMA_PRECISION)
    low, high = max(LOG_SIGMA_MEAN - spread - (data.n + float(np.sum(data.counts))) / LOG_SIGMA_PRECISION, LOG_SIGMA_LOW), LOG_SIGMA_MEAN + spread + 3.0
    for _ in range(20):
        log_sigma = np.linspace(low, high, NODES_SEARCH)
        _, mu_low, mu_high, logs = _rows(data, log_sigma, NODES_SEARCH)
        marginal = _log_marginal(log_sigma, mu_low, mu_high, logs)
        inside = np.flatnonzero(marginal > np.max(marginal) - DEPTH)
        low, high = float(log_sigma[max(inside[0] - 1, 0)]), float(log_sigma[min(inside[-1] + 1, NODES_SEARCH - 1)])
        if len(inside) > NODES_SEARCH // 2:
            break
    return low, high
