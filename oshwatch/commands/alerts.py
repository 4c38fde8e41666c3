"""`oshwatch alerts`: what a changed policy would have raised, before it is agreed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from domain.errors import BadInput, NotFound

if TYPE_CHECKING:
    from alerts.policy import Policy


def replay(options: argparse.Namespace) -> None:
    """Both policies over what is stored, side by side; or one over a record and over its truth."""
    if options.record is not None:
        _record(options)
        return
    from alerts.policies import site_policies
    from alerts.policy import load_policy
    from alerts.replay import replay as run
    from domain.shifts import shifts_between
    from domain.sitefile import instant_of
    from oshwatch.parts import prepare
    from oshwatch.settings import load_settings
    from storage.records.registry import RegistryRepository
    from storage.timeseries.opening import open_timeseries

    for name, field in (("site", "--site"), ("start", "--from"), ("stop", "--to"), ("policy", "--policy")):
        if getattr(options, name) is None:
            raise BadInput("is needed", field=field, remedy="or give --record DIR")
    settings = load_settings(config=options.config)
    engine = prepare(settings)
    registry, now_us = RegistryRepository(engine).load(), settings.clock.now_us()
    held = registry.at(now_us)
    if options.site not in held.sites:
        raise NotFound(f"no site '{options.site}'; there are {', '.join(sorted(held.sites)) or 'none'}")
    zone = held.timezone(options.site)
    start_us, stop_us = (instant_of(text, zone.key, field=field) for text, field in ((options.start, "--from"), (options.stop, "--to")))
    if not start_us < stop_us:
        raise BadInput("is not after --from", field="--to", remedy="from is inclusive, to exclusive")
    base, present = load_policy(), site_policies(engine)
    present.refresh(now_us)
    changed = _changed(base, options.policy)
    timeseries = open_timeseries(settings.timeseries_url, settings.influxdb_token)
    shifts = [(shift.start_us, shift.stop_us) for shift in shifts_between(held.shifts.get(options.site, []), zone, start_us, min(stop_us, now_us))]

    found = run(
        timeseries,
        registry,
        options.site,
        start_us,
        min(stop_us, now_us),
        {"present": present.for_site(options.site), "changed": changed},
        shifts=shifts,
        progress=_progress(start_us, stop_us),
    )
    timeseries.close()
    engine.dispose()
    print(msgspec.json.encode(found).decode() if options.json else _table(found))


def _record(options: argparse.Namespace) -> None:
    """The same policy over what the sensors of a record said and over what was true, side by side with what acceptance asks."""
    from alerts.policy import load_policy
    from alerts.recorded import Recorded, site_of
    from alerts.replay_record import judged, run_record, table_of
    from domain.sitefile import instant_of
    from domain.times import MINUTE_US

    if not 1 <= options.every <= 60:
        raise BadInput("is not between 1 and 60", field="--every")
    zone, (start_us, stop_us) = site_of(options.record).site.timezone, Recorded(options.record).span
    start_us = instant_of(options.start, zone, field="--from") if options.start else start_us
    stop_us = instant_of(options.stop, zone, field="--to") if options.stop else stop_us
    if not start_us < stop_us:
        raise BadInput("is not after --from", field="--to", remedy="from is inclusive, to exclusive")
    policy = load_policy()
    if options.policy is not None:
        policy = _changed(policy, options.policy)
    agents = tuple(name for name in options.agents.split(",") if name)
    said, true = (
        run_record(
            options.record, table, policy, start_us, stop_us, agents=agents, every_us=options.every * MINUTE_US, progress=_progress(start_us, stop_us)
        )
        for table in ("readings", "true")
    )  # fmt: skip
    found = judged(options.record, said, true, policy, start_us, stop_us, agents=agents)
    print(msgspec.json.encode(found).decode() if options.json else "\n".join(f"{name:52}{value}" for name, value in table_of(found).items()))


def _changed(base: Policy, path: Path) -> Policy:
    from alerts.policy.site import applied, parse_site_policy

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(path), field="--policy", remedy="name a readable file") from None
    return applied(base, parse_site_policy(text, base, source=str(path)))


def _progress(start_us: int, stop_us: int) -> Callable[[int], None]:
    def show(at_us: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{100 * (at_us - start_us) // (stop_us - start_us)} %", end="", file=sys.stderr)

    return show


def _table(found: object) -> str:
    from alerts.replay import Replay

    if not isinstance(found, Replay):
        raise TypeError(found)
    present, changed = found.sides["present"], found.sides["changed"]
    lines = [f"{found.site}, {found.start} to {found.stop}", "", f"{'':42}{'present':>9}{'changed':>9}"]

    def row(name: str, one: float | None, other: float | None) -> None:
        lines.append(f"{name:42}{'-' if one is None else f'{one:g}':>9}{'-' if other is None else f'{other:g}':>9}")

    row("alarms", present.alarms, changed.alarms)
    row("calls an officer's shift, 95th percentile", present.per_shift_p95, changed.per_shift_p95)
    row("calls an officer's shift, most", present.per_shift_most, changed.per_shift_most)
    for name in ("types", "zones"):
        one, other = getattr(present, name), getattr(changed, name)
        lines.append("")
        for key in sorted({*one, *other}):
            row(key, one.get(key, 0), other.get(key, 0))
    for which in ("present", "changed"):
        if found.only[which]:
            lines += ["", f"only under the {which} policy:"]
            lines += [f"  {one.at}  {one.severity:6}  {one.type}  {one.zone}" + (f"  {one.value:.4g}" if one.value is not None else "") for one in found.only[which][:50]]
            if len(found.only[which]) > 50:
                lines.append(f"  and {len(found.only[which]) - 50} more (--json)")
    return "\n".join([*lines, "", f"not replayed: {found.not_replayed}"])
