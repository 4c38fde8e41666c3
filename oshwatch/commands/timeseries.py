"""`oshwatch timeseries`: readings from one store to another, how long they are kept, and what is held."""

from __future__ import annotations

import argparse
import sys

from domain.times import DAY_US, parse_instant, to_rfc3339
from oshwatch.parts import let_go, prepare
from oshwatch.settings import load_settings
from storage.records.retention import RetentionRepository, RetentionRule
from storage.timeseries.opening import open_timeseries


def copy(options: argparse.Namespace) -> int:
    """1 when anything differs in the end."""
    from storage.timeseries.copying import copy as copy_all

    settings = load_settings(config=options.config)
    source = open_timeseries(options.source, settings.influxdb_token)
    target = open_timeseries(options.target, settings.influxdb_to_token or settings.influxdb_token)
    try:
        copied = copy_all(source, target, told=_told, verify_only=options.verify_only)
    finally:
        source.close()
        target.close()
    for lack in target.fidelity.lacks():
        print(f"{target.fidelity.name} {lack}: no evidence may rest on it", file=sys.stderr)
    for wrong in copied.wrong:
        channel, start_us = wrong.split(" ")
        print(f"differs: {channel} on {to_rfc3339(int(start_us))[:10]}")
    print(f"{copied.channels} channels, {copied.days} days of channels: {copied.same} were the same, {copied.readings} readings and {copied.minutes} minutes written")
    print(f"{copied.refused} readings refused, {len(copied.wrong)} days differ, sha256 {copied.checksum}")
    return 1 if copied.wrong or copied.refused else 0


def retention(options: argparse.Namespace) -> None:
    """The rules that count."""
    for rule in RetentionRepository(prepare(load_settings(config=options.config))).rules():
        print(f"{rule.text}\t{to_rfc3339(rule.set_us)}\t{rule.set_by}\t{rule.reason}")


def retain(options: argparse.Namespace) -> None:
    settings = load_settings(config=options.config)
    rule = RetentionRule(
        site=options.site,
        quantity=options.quantity,
        readings_days=options.readings_days,
        minutes_days=options.minutes_days or options.readings_days,
        set_us=settings.clock.now_us(),
        set_by=options.by,
        reason=options.reason,
    )
    RetentionRepository(prepare(settings)).set(rule)
    print(rule.text)


def expire(options: argparse.Namespace) -> None:
    """What the alerts process does every hour."""
    settings = load_settings(config=options.config)
    store = open_timeseries(settings.timeseries_url, settings.influxdb_token)
    try:
        done = let_go(prepare(settings), store, settings.clock.now_us())
    finally:
        store.close()
    for each in done:
        print(f"{each.channel}\t{each.number} {each.what} before {to_rfc3339(each.stop_us)}\t{each.rule}")
    print(f"{sum(each.number for each in done)} records deleted after retention")


def hold(options: argparse.Namespace) -> None:
    settings = load_settings(config=options.config)
    placed = RetentionRepository(prepare(settings)).place(
        site=options.site,
        kind=options.kind,
        start_us=parse_instant(options.start, field="from"),
        stop_us=parse_instant(options.stop, field="to") if options.stop else settings.clock.now_us() + 36_500 * DAY_US,
        reference=options.reference,
        by=options.by,
        at_us=settings.clock.now_us(),
    )
    print(placed.id)


def release(options: argparse.Namespace) -> None:
    settings = load_settings(config=options.config)
    RetentionRepository(prepare(settings)).release(options.id, by=options.by, reason=options.reason, at_us=settings.clock.now_us())


def holds(options: argparse.Namespace) -> None:
    for each in RetentionRepository(prepare(load_settings(config=options.config))).holds(released=options.all):
        until = f"released {to_rfc3339(each.released_us)} by {each.released_by or 'the system'}: {each.release_reason}" if each.released_us is not None else "open"
        print(f"{each.id}\t{each.site}\t{each.kind}\t{to_rfc3339(each.start_us)}/{to_rfc3339(each.stop_us)}\t{each.reference}\t{each.placed_by or 'the system'}\t{until}")


def _told(channel: str, done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {of} {channel[:60]:60}", end="\n" if done + 1 == of else "", file=sys.stderr, flush=True)
