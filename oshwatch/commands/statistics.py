"""`oshwatch statistics`: a file of results against a limit, as text for a hygienist or as JSON."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.errors import BadInput

if TYPE_CHECKING:
    from models.statistics.lognormal import Interval
    from models.statistics.summary import Summary
    from models.statistics.webexpo import Bayes

BANDS = ("0 (95th percentile up to 1 % of the limit)", "1 (up to 10 %)", "2 (10 to 50 %)", "3 (50 to 100 %)", "4 (over the limit)")
DECISIONS = {"compliant": "compliant", "non_compliant": "not compliant", "more_needed": "no decision yet, more results needed"}


def statistics(options: argparse.Namespace) -> None:
    """Prints the answer; whatever it says is done well."""
    from models.statistics.results import parse_results
    from models.statistics.summary import Basis, summarise

    summary = summarise(parse_results(_text(options.input), str(options.input)), options.oel, Basis(options.basis), options.bias)
    if options.json:
        print(json.dumps(_as_json(summary), allow_nan=False, indent=2))
    else:
        print("\n".join(_as_text(summary, options.oel, options.basis)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"cannot be read: {reason}", source=str(path), remedy="a text file with one result a line") from error


def _as_json(summary: Summary) -> dict[str, Any]:
    """Contract 7's fields, and beside them `mean_unbiased`, `area` and `notes`."""
    fitted = summary.fitted
    return {
        "n": summary.n,
        "n_censored": summary.n_censored,
        "gm": summary.gm,
        "gsd": summary.gsd,
        "am": summary.am,
        "x95": fitted and fitted.x95,
        "utl95_70": fitted and _finite(fitted.utl95_70),
        "utl95_95": fitted and _finite(fitted.utl95_95),
        "exceedance": summary.exceedance and asdict(summary.exceedance),
        "en689": summary.en689 and asdict(summary.en689),
        "bayes": _bayes_json(summary.bayes, decides=summary.en689 is not None),
        "mean_unbiased": summary.mean_unbiased and {name: _finite(value) for name, value in asdict(summary.mean_unbiased).items()},
        "area": summary.area and asdict(summary.area),
        "notes": list(summary.notes),
    }


def _bayes_json(bayes: Bayes, *, decides: bool) -> dict[str, Any]:
    intervals = {"gm": bayes.gm, "gsd": bayes.gsd, "am": bayes.am, "x95": bayes.x95, "exceedance": bayes.exceedance}
    return {
        **{name: [interval.est, interval.lcl, interval.ucl] for name, interval in intervals.items()},
        "p_x95_over": bayes.p_x95_over,
        "p_am_over": bayes.p_am_over,
        "band_probabilities": list(bayes.band_probabilities),
        "band": bayes.band if decides else None,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _as_text(summary: Summary, limit: float, basis: str) -> Iterator[str]:
    yield f"{summary.n} {basis} results, {summary.n_censored} of them non-detects or bounds, against the limit {limit:g}; intervals are 90 %"
    yield ""
    yield from _frequentist(summary)
    yield from _bayesian(summary.bayes)
    yield from _decisions(summary)
    for note in summary.notes:
        yield f"note: {note}"


def _frequentist(summary: Summary) -> Iterator[str]:
    yield "lognormal distribution" + (" (maximum likelihood)" if summary.n_censored else "")
    for name, value in (("geometric mean", summary.gm), ("geometric standard deviation", summary.gsd), ("arithmetic mean", summary.am)):
        yield _row(name, _number(value))
    if summary.mean_unbiased:
        yield _row("mean, unbiased, with Land's limits", _interval(summary.mean_unbiased))
    if summary.fitted and summary.exceedance:
        yield _row("95th percentile", _number(summary.fitted.x95))
        yield _row("its upper limit, 70 % confidence", _number(summary.fitted.utl95_70))
        yield _row("its upper limit, 95 % confidence", _number(summary.fitted.utl95_95))
        yield _row("share of exposures over the limit", _percents(summary.exceedance))
    yield ""


def _bayesian(bayes: Bayes) -> Iterator[str]:
    yield "Bayesian model (WebExpo, informed variance)"
    for name, interval in (("geometric mean", bayes.gm), ("geometric standard deviation", bayes.gsd), ("arithmetic mean", bayes.am), ("95th percentile", bayes.x95)):
        yield _row(name, _interval(interval))
    yield _row("share of exposures over the limit", _percents(bayes.exceedance))
    yield _row("chance that the 95th percentile is over the limit", _percent(bayes.p_x95_over))
    yield _row("chance that the mean is over the limit", _percent(bayes.p_am_over))
    yield ""


def _decisions(summary: Summary) -> Iterator[str]:
    if summary.en689:
        found = summary.en689
        test = f"statistical test, UR {found.ur:.3f} against UT {found.ut:.3f}" if found.ur is not None and found.ut is not None else "preliminary test"
        yield f"EN 689: {DECISIONS[found.decision.value]} ({test})" + (f"; assess again within {found.reassess_months} months" if found.reassess_months else "")
        yield f"AIHA band: most likely {BANDS[summary.bayes.band]}, probability {_percent(summary.bayes.band_probabilities[summary.bayes.band])}"
    if summary.area:
        undecided = f"; {summary.area.undecided} shifts could be either" if summary.area.undecided else ""
        yield f"shifts over the limit: {_percents(summary.area.share_over)} (blocks of {summary.area.block_shifts} shifts{undecided})"
    yield ""


def _row(name: str, value: str) -> str:
    return f"  {name:<50} {value}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if math.isfinite(value) else "without end"


def _interval(interval: Interval) -> str:
    return f"{_number(interval.est)}  ({_number(interval.lcl)} to {_number(interval.ucl)})"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _percents(interval: Interval) -> str:
    return f"{_percent(interval.est)}  ({_percent(interval.lcl)} to {_percent(interval.ucl)})"
