"""`oshwatch assess`: exposure results of a file of samples, without a server."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import msgspec

from assess.contextfile import parse_context_file
from assess.file import assess_samples
from assess.samples import read_samples
from domain.clock import SystemClock
from domain.verdict import Verdict
from oshwatch.files import read_text

HEADINGS = ("zone", "shift", "metric", "value", "bounds", "limit", "state", "grade", "valid")


def assess(options: argparse.Namespace) -> None:
    now_us = SystemClock().now_us()
    context = parse_context_file(read_text(options.context), str(options.context), now_us) if options.context else None
    timezone = ZoneInfo(context.site.timezone) if context else None
    samples = read_samples(read_text(options.input), str(options.input), timezone)
    profiles = list(dict.fromkeys(options.profile))
    found = assess_samples(samples, context, profiles, context_source=str(options.context or ""), now_us=now_us)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode({"verdicts": found}), indent=2).decode())
    elif found:
        print("\n".join([*_table([HEADINGS, *map(_row, found)]), *_sentences(found)]))
    else:
        print("No result: nothing in this file can be held against a limit (optical dust and vapour indices are trends).")


def _row(verdict: Verdict) -> tuple[str, ...]:
    unit = verdict.unit
    place = verdict.zone if verdict.placement in ("", verdict.zone.partition(".")[2]) else f"{verdict.zone} {verdict.placement}"
    limit = "none" if verdict.limit.value is None else f"{_number(verdict.limit.value)} {unit}"
    return (
        place,
        f"{verdict.shift.date} {verdict.shift.name}",
        f"{verdict.hazard} {verdict.metric}",
        "-" if verdict.value is None else f"{_number(verdict.value)} {unit}",
        _bounds(verdict.low, verdict.high),
        f"{limit} ({verdict.limit.profile}/{verdict.limit.id})" if verdict.limit.profile else limit,
        verdict.state.replace("_", " "),
        verdict.grade,
        f"{verdict.coverage:.0%}",
    )


def _bounds(low: float | None, high: float | None) -> str:
    if high is None and low is not None:
        return f"at least {_number(low)}" if low > 0 else "no upper bound"
    return f"{_number(low)} .. {_number(high)}"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _sentences(found: Sequence[Verdict]) -> Iterator[str]:
    """Why, once each, with the metrics that a sentence is about where it is not about all."""
    about: dict[str, list[str]] = {}
    for verdict in found:
        for sentence in (*verdict.reasons, *verdict.notes):
            metrics = about.setdefault(sentence, [])
            if f"{verdict.hazard} {verdict.metric}" not in metrics:
                metrics.append(f"{verdict.hazard} {verdict.metric}")
    everything = len({(verdict.hazard, verdict.metric) for verdict in found})
    for sentence, metrics in about.items():
        yield f"- {sentence}" + ("" if len(metrics) == everything else f" [{', '.join(metrics)}]")
