"""EN 689:2018+AC:2019, Workplace exposure - strategy for testing compliance with occupational exposure limit values: preliminary test (5.5.2) and statistical test (5.5.3).

For personal results of one similar exposure group, each over the reference period of the limit. Preliminary test with 3 to 5 results; with 6 or more, UR = (ln limit - ln GM)/ln GSD
must reach UT(n): fewer than 5 % of exposures over the limit with 70 % confidence. Reassessment by the arithmetic mean (Annex I); its steps are recalled, not read in the standard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from models.statistics.lognormal import EN689_CONFIDENCE, Lognormal
from models.statistics.results import Results
from models.statistics.tolerance import tolerance_factor

PRELIMINARY = {3: 0.10, 4: 0.15, 5: 0.20}
"""Number of results: share of the limit that all must be under."""
STATISTICAL_MIN = 6
REASSESS = ((0.10, 36), (0.25, 24), (0.50, 18))
"""Arithmetic mean under this share of the limit: months to the next assessment."""
REASSESS_ELSE_MONTHS = 12
ROUNDING = 1e-12


class Decision(StrEnum):
    COMPLIANT = "compliant"
    NON_COMPLIANT = "non_compliant"
    MORE_NEEDED = "more_needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class En689:
    """`step` preliminary or statistical; `ur` and `ut` of the statistical test; months to the next assessment where the group complies."""

    step: str
    ur: float | None
    ut: float | None
    decision: Decision
    reassess_months: int | None


def group_compliance(results: Results, fitted: Lognormal | None, limit: float) -> En689:
    """The decision on a group; `fitted` is `lognormal.fit(results)`.

    >>> from models.statistics.lognormal import fit
    >>> from models.statistics.results import results_of
    >>> group = results_of("24.7 64.1 13.8 43.7 19.9 133 32.1 15 53.7".split())
    >>> found = group_compliance(group, fit(group), 100.0)
    >>> round(found.ur, 3), round(found.ut, 3), found.decision.value
    (1.442, 2.035, 'non_compliant')
    """
    if results.n < STATISTICAL_MIN or fitted is None:
        decision, ur, ut = preliminary(results, limit), None, None
    else:
        ur, ut = (math.log(limit) - fitted.mu) / fitted.sd, tolerance_factor(results.n, EN689_CONFIDENCE)
        decision = Decision.COMPLIANT if ur >= ut else Decision.NON_COMPLIANT
    months = _reassess_months(results, fitted, limit) if decision is Decision.COMPLIANT else None
    return En689(step="preliminary" if ur is None else "statistical", ur=ur, ut=ut, decision=decision, reassess_months=months)


def preliminary(results: Results, limit: float) -> Decision:
    """Clause 5.5.2. A non-detect counts as its bound; six or more results that no distribution fits comply where any five of them would.

    >>> from models.statistics.results import results_of
    >>> [preliminary(results_of(texts), 50.0).value for texts in (["4.9", "<2", "1"], ["5", "3", "1"], ["1", "1", "51"])]
    ['compliant', 'more_needed', 'non_compliant']
    """
    over = (results.low > limit) | (np.isinf(results.high) & (results.low >= limit))
    if np.any(over):
        return Decision.NON_COMPLIANT
    share = PRELIMINARY.get(min(results.n, max(PRELIMINARY)))
    if share is None:
        return Decision.MORE_NEEDED
    bound = share * limit
    exact = results.exact
    under = np.where(exact, results.high < bound * (1.0 - ROUNDING), results.high <= bound * (1.0 + ROUNDING))
    return Decision.COMPLIANT if np.all(under) else Decision.MORE_NEEDED


def _reassess_months(results: Results, fitted: Lognormal | None, limit: float) -> int:
    mean = float(np.mean(results.high)) if fitted is None else fitted.am
    return next((months for share, months in REASSESS if mean < share * limit * (1.0 - ROUNDING)), REASSESS_ELSE_MONTHS)
