"""Everything that is said of one set of results, in one structure: the answer of `oshwatch statistics`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from domain.errors import BadInput
from models.statistics.area import AreaSeries, area_series
from models.statistics.en689 import En689, group_compliance
from models.statistics.lognormal import LOWER, UPPER, Interval, Lognormal, fit
from models.statistics.mean import land_limit, unbiased_mean
from models.statistics.results import Results
from models.statistics.webexpo import MU_HIGH, Bayes, informed_variance


class Basis(StrEnum):
    """Whose exposure the results are: a worker's, or a place's."""

    PERSONAL = "personal"
    AREA = "area"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Figures are None where the results say too little for them, with the reason in `notes`; `en689` belongs to personal results, `area` to area results.

    `mean_unbiased` is the minimum-variance unbiased estimate of the mean with Land's exact limits, of complete sets.
    """

    n: int
    n_censored: int
    gm: float | None
    gsd: float | None
    am: float | None
    mean_unbiased: Interval | None
    fitted: Lognormal | None
    exceedance: Interval | None
    en689: En689 | None
    bayes: Bayes
    area: AreaSeries | None
    notes: tuple[str, ...]


def summarise(results: Results, limit: float, basis: Basis = Basis.AREA, bias: float = 0.0) -> Summary:
    """All figures of a set against a limit in the same unit. Raises BadInput for a limit that is none, or of another scale than the results.

    >>> from models.statistics.results import results_of
    >>> found = summarise(results_of("0.84 0.98 0.42 1.16 1.36 2.66".split()), 5.0, Basis.PERSONAL)
    >>> round(found.exceedance.est, 4), found.en689.decision.value, found.en689.reassess_months
    (0.0053, 'compliant', 24)
    """
    _check_scale(results, limit)
    fitted = fit(results)
    gm, gsd, am = _moments(results, fitted)
    is_personal = basis is Basis.PERSONAL
    return Summary(
        n=results.n,
        n_censored=results.n_censored,
        gm=gm,
        gsd=gsd,
        am=am,
        mean_unbiased=_mean_unbiased(fitted),
        fitted=fitted,
        exceedance=None if fitted is None else fitted.exceedance(limit),
        en689=group_compliance(results, fitted, limit) if is_personal else None,
        bayes=informed_variance(results, limit),
        area=None if is_personal else area_series(results, limit, bias=bias),
        notes=tuple(_notes(results, fitted, basis)),
    )


def _check_scale(results: Results, limit: float) -> None:
    if not (math.isfinite(limit) and limit > 0):
        raise BadInput(f"{limit} is no limit", field="--oel", remedy="a number over zero, in the unit of the results")
    for low, high, line in zip(results.low, results.high, results.lines, strict=True):
        for bound in (low, high):
            if 0 < bound < math.inf and abs(math.log(bound) - math.log(limit)) > MU_HIGH:
                raise BadInput(f"{bound:g} and the limit {limit:g} are not of one scale", source=results.source, line=line, remedy="give both in the same unit")


def _moments(results: Results, fitted: Lognormal | None) -> tuple[float | None, float | None, float | None]:
    if fitted is not None:
        return fitted.gm, fitted.gsd, fitted.am
    if results.n_censored:
        return None, None, None
    return math.exp(float(np.mean(np.log(results.low)))), 1.0 if results.n > 1 else None, float(np.mean(results.low))


def _mean_unbiased(fitted: Lognormal | None) -> Interval | None:
    if fitted is None or fitted.censored is not None:
        return None
    lcl, ucl = (land_limit(fitted.n, fitted.mu, fitted.sigma, confidence) for confidence in (LOWER, UPPER))
    return Interval(est=unbiased_mean(fitted.n, fitted.mu, fitted.sigma), lcl=lcl, ucl=ucl)


def _notes(results: Results, fitted: Lognormal | None, basis: Basis) -> list[str]:
    notes = []
    if fitted is None:
        notes.append(_why_not_fitted(results))
    elif 2 * results.detects < results.n:
        notes.append("fewer than half of the results are detects: limits from the likelihood are too narrow then, trust the Bayesian ones")
    if basis is Basis.AREA:
        notes.append(
            "area results: no compliance decision and no band, a place is not a person; shifts that follow each other are alike, so limits that assume independence are too narrow"
        )
    elif results.n < 6:
        notes.append("fewer than six results: EN 689's preliminary test only")
    return notes


def _why_not_fitted(results: Results) -> str:
    if results.n == 1:
        return "one result has no spread: no distribution is fitted"
    if results.n_censored == 0:
        return "results alike in every digit have no spread: no distribution is fitted; give the laboratory's digits"
    if results.detects < 2:
        return "fewer than two detects: no distribution is fitted; the Bayesian result rests on its prior for the spread"
    return "one single value would explain every result: no distribution is fitted; the Bayesian result rests on its prior for the spread"
