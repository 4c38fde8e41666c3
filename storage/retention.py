"""Retention applied: the rule of each channel, less what is held, deleted in the store and recorded there."""

from __future__ import annotations

import logging
from collections import defaultdict

from sqlalchemy import Engine

from domain.errors import Refused
from domain.times import DAY_US
from storage.records.registry import RegistryRepository
from storage.records.retention import RetentionRepository, rule_for
from storage.timeseries.port import Expired, Expires, Expiry, TimeSeries

log = logging.getLogger(__name__)


def expiries(engine: Engine, store: TimeSeries, now_us: int) -> list[Expiry]:
    """What is due; a channel without a rule, or of no registered agent, is kept for ever."""
    repository = RetentionRepository(engine)
    rules = repository.rules()
    if not rules:
        return []
    held: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for hold in repository.holds():
        held[hold.site].append((hold.start_us, hold.stop_us))
    sites = RegistryRepository(engine).load().latest().agents
    found = []
    for channel in store.channels():
        site = sites.get(channel.partition(".")[0])
        rule = rule_for(rules, site, channel.rpartition(".")[2]) if site else None
        if rule and site:
            found.append(Expiry(channel, now_us - rule.readings_days * DAY_US, now_us - rule.minutes_days * DAY_US, rule.text, tuple(held[site])))
    return found


def apply_retention(engine: Engine, store: TimeSeries, now_us: int) -> list[Expired]:
    """Deletes what is due; returns what was recorded. A server deletes by its own setting and refuses this."""
    if not isinstance(store, Expires):
        raise Refused(f"{store.fidelity.name} deletes by its own retention; `oshwatch doctor` compares it with the rules")
    done = [each for each in store.expire(expiries(engine, store, now_us), now_us) if each.number]
    if done:
        log.info("retention deleted %d records of %d channels", sum(each.number for each in done), len({each.channel for each in done}))
    return done
