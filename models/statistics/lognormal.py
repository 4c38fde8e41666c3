"""The lognormal distribution of one set of results, and the figures that hygienists quote from it: GM, GSD, arithmetic mean, 95th percentile, tolerance limits, exceedance.

Complete sets: sample moments of the logs and exact noncentral t limits (`tolerance`). Sets with non-detects: censored likelihood (`censored`), except that the limit with 70 %
confidence is EN 689's own, GM GSD^UT with the sd scaled to n - 1: the delta method's covers in 60 % of small samples only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.statistics.censored import CensoredFit, fit_censored, is_estimable
from models.statistics.normal import Z95, cdf
from models.statistics.results import Results
from models.statistics.tolerance import exceedance_limit, tolerance_factor

LOWER, UPPER = 0.05, 0.95
"""One-sided confidences of the two ends of a 90 % interval."""
EN689_CONFIDENCE = 0.70
LOG_LARGEST = 700.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and its 90 % interval."""

    est: float
    lcl: float
    ucl: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lognormal:
    """mu and sigma of the natural logs: with n - 1 where the set is complete, of maximum likelihood where it is `censored`; `mean` is the sample mean of a complete set."""

    n: int
    mu: float
    sigma: float
    mean: float | None = None
    censored: CensoredFit | None = None

    @property
    def gm(self) -> float:
        return math.exp(self.mu)

    @property
    def gsd(self) -> float:
        return math.exp(self.sigma)

    @property
    def sd(self) -> float:
        """Standard deviation of the logs on the footing of n - 1, as EN 689 needs it."""
        return self.sigma if self.censored is None else self.sigma * math.sqrt(self.n / (self.n - 1))

    @property
    def am(self) -> float:
        """Arithmetic mean: of the sample where it is complete, of the fitted distribution where it is not."""
        return math.exp(self.mu + self.sigma**2 / 2.0) if self.mean is None else self.mean

    @property
    def x95(self) -> float:
        return math.exp(self.mu + Z95 * self.sigma)

    @property
    def utl95_70(self) -> float:
        """Upper tolerance limit that 95 % of exposures stay under with 70 % confidence; at or under the limit value exactly when EN 689's test is passed."""
        return _exp(self.mu + tolerance_factor(self.n, EN689_CONFIDENCE) * self.sd)

    @property
    def utl95_95(self) -> float:
        """Upper tolerance limit that 95 % of exposures stay under with 95 % confidence; infinite over 1e304."""
        if self.censored is not None:
            return _exp(self.censored.log_percentile_limit(UPPER))
        return _exp(self.mu + tolerance_factor(self.n, UPPER) * self.sigma)

    def exceedance(self, limit: float) -> Interval:
        """Share of exposures over a limit with its 90 % confidence limits."""
        distance = (math.log(limit) - self.mu) / self.sigma
        if self.censored is not None:
            lcl, ucl = (self.censored.exceedance_limit(math.log(limit), confidence) for confidence in (LOWER, UPPER))
        else:
            lcl, ucl = (exceedance_limit(self.n, distance, confidence) for confidence in (LOWER, UPPER))
        return Interval(est=float(cdf(-distance)), lcl=lcl, ucl=ucl)


def fit(results: Results) -> Lognormal | None:
    """The distribution of a set; None where it says too little: one result, results all alike, fewer than two detects, or non-detects that one value would explain.

    >>> from models.statistics.results import results_of
    >>> found = fit(results_of("0.84 0.98 0.42 1.16 1.36 2.66".split()))
    >>> [round(value, 2) for value in (found.gm, found.gsd, found.am, found.x95, found.utl95_95)]
    [1.06, 1.83, 1.24, 2.88, 10.05]
    """
    if not is_estimable(results):
        return None
    if results.n_censored:
        found = fit_censored(results)
        return Lognormal(n=results.n, mu=found.mu, sigma=found.sigma, censored=found)
    logs = np.log(results.low)
    return Lognormal(n=results.n, mu=float(np.mean(logs)), sigma=float(np.std(logs, ddof=1)), mean=float(np.mean(results.low)))


def _exp(log: float) -> float:
    return math.exp(log) if log < LOG_LARGEST else math.inf
