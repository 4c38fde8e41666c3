"""The arithmetic mean of a complete lognormal sample: unbiased estimate and exact confidence limits, for long-term average exposure.

Estimate: Finney, J. R. Stat. Soc. Suppl. 7 (1941) 155-161; Aitchison and Brown, The Lognormal Distribution (1957), section 5.4. Limits: Land, Ann. Math. Stat. 42 (1971)
1187-1205, here by integrating the conditional distribution itself instead of interpolating its tables. Valid for n >= 2 and sd > 0; mu and sd of the natural logs.
"""

from __future__ import annotations

import math

import numpy as np

from models.statistics.normal import confluent_0f1

NODES = 1001
BISECTIONS = 50


def unbiased_mean(n: int, mu: float, sd: float) -> float:
    """Minimum-variance unbiased estimate of the mean.

    >>> round(unbiased_mean(4, -2.898, 1.112), 3)
    0.085
    """
    return math.exp(mu) * confluent_0f1((n - 1) / 2.0, (n - 1) ** 2 * sd**2 / (4.0 * n))


def land_limit(n: int, mu: float, sd: float, confidence: float) -> float:
    """Land's exact upper confidence limit of the mean; lower limit: confidence below one half. Infinite where it is over 1e300.

    >>> round(land_limit(15, 2.0767, 0.4272, 0.95), 2)
    10.97
    """
    step = sd / math.sqrt(n) + sd**2
    low, high = mu - step, mu + sd**2 / 2.0 + step
    while _probability(n, mu, sd, low) < 1.0 - confidence:
        low -= 2.0 * (high - low)
    while _probability(n, mu, sd, high) > 1.0 - confidence:
        high += 2.0 * (high - low)
        if high > 690.0:
            return math.inf
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _probability(n, mu, sd, middle) > 1.0 - confidence else (low, middle)
    return math.exp(0.5 * (low + high))


def _probability(n: int, mu: float, sd: float, log_mean: float) -> float:
    """Of a sample mean as low as this one or lower, given the sum of squares about `log_mean`, if that is the log of the true mean.

    Given that sum W the variable sin(phi) = (mu - log_mean) sqrt(n / W) has a density in phi proportional to cos(phi)^(n - 2) exp(-sqrt(n W) sin(phi) / 2).
    """
    squares = n * (mu - log_mean) ** 2 + (n - 1) * sd**2
    seen = math.asin((mu - log_mean) * math.sqrt(n / squares))
    below, above = np.linspace(-math.pi / 2, seen, NODES), np.linspace(seen, math.pi / 2, NODES)
    with np.errstate(divide="ignore"):
        logs = [
            (n - 2) * np.log(np.maximum(np.cos(phi), 0.0)) - 0.5 * math.sqrt(n * squares) * np.sin(phi) if n > 2 else -0.5 * math.sqrt(n * squares) * np.sin(phi)
            for phi in (below, above)
        ]
    top = max(float(np.max(values)) for values in logs)
    left, right = (float(np.trapezoid(np.exp(values - top), phi)) for values, phi in zip(logs, (below, above), strict=True))
    return left / (left + right)
