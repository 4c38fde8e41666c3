"""Statistics that stay out of the live path: Land's limits, regression on order statistics, differences between workers, the exceedance test's factor. Rows are shift results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from models.arrays import Array
from models.calculator.column import HIGH, Column, Kind
from models.calculator.formula import Answer, Formula, Output, Values
from models.calculator.groups import rows_of_groups

GROUP = Column(name="group", meaning="rows of one label, or without one, are the results of one similar exposure group", kind=Kind.LABEL, together=True)
RESULT = Column(name="concentration", meaning="result of one shift, any unit", above=0.0, high=1e9)
COMPLIES = ("not_tested", "no", "yes")

Compute = Callable[[npt.NDArray[np.intp]], dict[str, float | Array]]


def _by_group(values: Values, names: tuple[str, ...], compute: Compute) -> Answer:
    """Each group's results on all of its rows; a group that the method cannot take is refused with the method's own words."""
    rows = len(values["group"])
    columns, refused = {name: np.full(rows, np.nan) for name in names}, [""] * rows
    for group in rows_of_groups(values["group"]):
        try:
            found = compute(group)
        except BadInput as error:
            for row in group:
                refused[row] = error.message
            continue
        for name, value in found.items():
            columns[name][group] = value
    return Answer(columns=columns, refused=refused)


def _land(values: Values, _method: str) -> Answer:
    from models.statistics.mean import land_limit, unbiased_mean  # noqa: PLC0415

    def compute(rows: npt.NDArray[np.intp]) -> dict[str, float | Array]:
        logs = np.log(values["concentration"][rows])
        if len(logs) < 2 or np.ptp(logs) == 0.0:
            raise BadInput("the mean's limits need two results that differ")
        n, mu, sd = len(logs), float(logs.mean()), float(logs.std(ddof=1))
        return {"n": n, "mean": unbiased_mean(n, mu, sd), "lcl95": land_limit(n, mu, sd, 0.05), "ucl95": land_limit(n, mu, sd, 0.95)}

    return _by_group(values, ("n", "mean", "lcl95", "ucl95"), compute)


def _ros(values: Values, _method: str) -> Answer:
    from models.statistics.results import Results  # noqa: PLC0415
    from models.statistics.ros import robust_ros  # noqa: PLC0415

    def compute(rows: npt.NDArray[np.intp]) -> dict[str, float | Array]:
        low, high = values["concentration"][rows], values["concentration" + HIGH][rows]
        if np.any((low <= 0.0) & (high <= 0.0)):
            raise BadInput("a result is over zero: write < and the limit of quantification")
        line = robust_ros(Results(low=low, high=high, lines=tuple(range(len(low)))))
        used = np.empty(len(low))
        used[np.argsort(np.where(low > 0.0, low, np.inf), kind="stable")[: len(line.detects)]] = line.detects
        hidden = np.flatnonzero(low == 0.0)
        used[hidden[np.argsort(high[hidden], kind="stable")]] = line.imputed
        logs = np.log(used)
        return {"used": used, "gm": float(np.exp(logs.mean())), "gsd": float(np.exp(logs.std(ddof=1)))}

    return _by_group(values, ("used", "gm", "gsd"), compute)


def _between(values: Values, _method: str) -> Answer:
    from models.statistics.bohs_nvva import between_workers  # noqa: PLC0415

    def compute(rows: npt.NDArray[np.intp]) -> dict[str, float | Array]:
        limits = np.unique(values["limit"][rows])
        if len(limits) > 1:
            raise BadInput("limit is the same in all rows of a group")
        found = between_workers([f"{worker:.0f}" for worker in values["worker_no"][rows]], values["concentration"][rows], float(limits[0]))
        verdict = 0.0 if found.is_compliant is None else 1.0 + found.is_compliant
        numbers = {name: float(getattr(found, name)) for name in ("sd_within", "sd_between", "share_between", "individual_exceedance")}
        return {**numbers, "individuals_comply": verdict}

    return _by_group(values, ("sd_within", "sd_between", "share_between", "individual_exceedance", "individuals_comply"), compute)


def _factor(values: Values, _method: str) -> Answer:
    from models.statistics.tolerance import tolerance_factor  # noqa: PLC0415

    whole = values["n"] == np.rint(values["n"])
    factors = [tolerance_factor(int(n), float(confidence)) for n, confidence in zip(values["n"], values["confidence"], strict=True)]
    return Answer(columns={"factor": np.array(factors)}, refused=["" if one else "n is no whole number" for one in whole])


FORMULAS = (
    Formula(
        name="land_mean",
        summary="arithmetic mean of complete lognormal results: unbiased estimate with exact limits (90 % interval)",
        source="Finney (1941); Land, Ann. Math. Stat. 42 (1971)",
        inputs=(RESULT, GROUP),
        outputs=(
            Output(name="n", meaning="results"),
            Output(name="mean", meaning="estimate"),
            Output(name="lcl95", meaning="lower limit"),
            Output(name="ucl95", meaning="upper limit"),
        ),
        function=_land,
        example="concentration=1.3",
    ),
    Formula(
        name="robust_ros",
        summary="regression on order statistics: for comparison with older reports only",
        source="Helsel (2012), section 6.4",
        inputs=(Column(name="concentration", meaning="result of one shift; <limit of quantification", kind=Kind.BOUNDED, low=0.0, high=1e9), GROUP),
        outputs=(
            Output(name="used", meaning="the result, or what stands in its place; means something only as a set"),
            Output(name="gm", meaning="geometric mean"),
            Output(name="gsd", meaning="geometric standard deviation"),
        ),
        function=_ros,
        example="concentration=<5.5",
    ),
    Formula(
        name="between_workers",
        summary="do workers of one group differ, and does each comply; personal results only",
        source="BOHS and NVvA (2011), sections 3.5 and 3.6",
        inputs=(
            RESULT,
            Column(name="worker_no", meaning="number of the worker, never a name", low=0.0, high=1e6),
            Column(name="limit", meaning="in the results' unit", above=0.0, high=1e9),
            GROUP,
        ),
        outputs=(
            Output(name="sd_within", meaning="of the logs, within workers"),
            Output(name="sd_between", meaning="of the logs, between workers"),
            Output(name="share_between", meaning="of the variance between workers"),
            Output(name="individual_exceedance", meaning="probability that a worker has more than 5 % of exposures over the limit"),
            Output(name="individuals_comply", meaning="not tested where workers differ too little", choices=COMPLIES),
        ),
        function=_between,
        example="concentration=1.3 worker_no=1 limit=5",
    ),
    Formula(
        name="tolerance_factor",
        summary="how many standard deviations of the logs the limit must lie over the mean (EN 689's UT at confidence 0.70), for the 95th percentile",
        source="EN 689:2018 Annex F; noncentral t distribution",
        inputs=(
            Column(name="n", meaning="results", low=2.0, high=10_000.0),
            Column(name="confidence", meaning="0.70 for EN 689, 0.95 for AIHA", low=0.5, high=0.999, default=0.70),
        ),
        outputs=(Output(name="factor", meaning="UT"),),
        function=_factor,
        example="n=6",
    ),
)
