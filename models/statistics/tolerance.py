"""Percentile, tolerance limits and exceedance of a complete lognormal sample, exact by the noncentral t distribution.

Hahn and Meeker, Statistical Intervals (1991), section 4.6, as Frome and Wambach apply them to exposures in ORNL/TM-2005/52 (2005). Valid for n >= 2 independent
results of one lognormal distribution; mu and sd are of the natural logs, sd with n - 1.
"""

from __future__ import annotations

import math

from models.statistics.normal import Z95, cdf, noncentral_t_quantile, noncentrality_of


def tolerance_factor(n: int, confidence: float) -> float:
    """K of the upper limit mu + K sd that covers 95 % of exposures with this confidence: t'(confidence; n - 1, z95 sqrt(n)) / sqrt(n).

    >>> [round(tolerance_factor(n, 0.70), 3) for n in (6, 7, 8, 9, 10)]
    [2.187, 2.12, 2.072, 2.035, 2.005]
    """
    return noncentral_t_quantile(confidence, n - 1, Z95 * math.sqrt(n)) / math.sqrt(n)


def exceedance_limit(n: int, distance: float, confidence: float) -> float:
    """Upper confidence limit of the share of exposures over a limit that lies `distance` = (ln limit - mu)/sd over the mean; lower limit: confidence below one half.

    >>> [round(100 * exceedance_limit(15, 1.723371, confidence), 2) for confidence in (0.05, 0.95)]
    [0.86, 15.28]
    """
    root = math.sqrt(n)
    return float(cdf(-noncentrality_of(confidence, n - 1, distance * root) / root))
