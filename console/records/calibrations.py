"""Calibrations and checks of one channel: entered by date, listed with the state that they leave the instrument in."""

from __future__ import annotations

import hashlib
import math

import msgspec

from console.context import House
from console.records.bodies import text
from console.records.dates import moment
from console.records.shapes import CalibrationBody, CalibrationJson, CalibrationsJson
from console.records.zones import own_word
from console.security import Caller
from domain.calibration import CHECKS_ONLY, channel_of, state_of
from domain.errors import BadInput
from domain.quantities import Averaging, quantity_of
from domain.registry import CalibrationSpec, Channel, Entry, Registry
from domain.scope import Scope
from domain.strictness import change_by
from domain.times import to_rfc3339


def add_calibration(house: House, caller: Caller, channel_id: str, body: CalibrationBody) -> CalibrationJson:
    """A dated entry; the same record sent twice is one. Raises `BadInput` for what cannot be."""
    channel = house.sources.channel(caller.scope, channel_id)
    now_us, timezone = house.context.clock.now_us(), house.sources.timezone(channel.site)
    performed = moment(body.performed_at, timezone.key, "performed_at")
    if performed > now_us:
        raise BadInput("lies in the future", field="performed_at", remedy="enter a calibration once it is done")
    if body.next_due is not None and moment(body.next_due, timezone.key, "next_due") <= performed:
        raise BadInput("is not after performed_at", field="next_due", remedy="the date by which it has to be done again")
    _check_numbers(body, channel)
    spec = CalibrationSpec(
        id=_id(channel.id, caller, body),
        channel=channel.id,
        type=body.type,
        performed_at=body.performed_at.strip(),
        by=text(body.by, "by") or caller.user.name,
        passed=body.passed,
        offset=body.offset,
        gain=body.gain,
        next_due=body.next_due.strip() if body.next_due else None,
        certificate=text(body.certificate, "certificate"),
    )
    reason = text(body.reason, "reason")
    entry = Entry(
        site=channel.site,
        kind="calibration",
        id=spec.id,
        valid_from_us=performed,
        recorded_us=now_us,
        author=caller.user.name,
        reason=reason,
        body=msgspec.json.encode(spec),
    )
    house.sources.enter(lambda registry: _with_change(registry, entry, caller))
    house.people.record(caller.user.name, "calibration entered", spec.id, channel.id)
    return next(item for item in calibrations_of(house, caller.scope, channel_id).items if item.id == spec.id)


def _with_change(registry: Registry, entry: Entry, caller: Caller) -> list[Entry]:
    """The record, and where it may make results milder what the other side has to agree to; nothing for one that is on record."""
    if any((one.kind, one.site, one.id) == (entry.kind, entry.site, entry.id) and one.body == entry.body for one in registry.entries):
        return []
    change = change_by(registry, entry.site, [entry])
    if change is None:
        return [entry]
    body = msgspec.json.encode(msgspec.structs.replace(change, signatures=own_word(caller, entry.recorded_us, entry.reason)))
    return [entry, msgspec.structs.replace(entry, kind="change", id=change.id, body=body)]


def calibrations_of(house: House, scope: Scope, channel_id: str) -> CalibrationsJson:
    """All of them, the newest first."""
    channel = house.sources.channel(scope, channel_id)
    now_us, timezone = house.context.clock.now_us(), house.sources.timezone(channel.site)
    found = [(entry, spec) for entry, spec in _held(house, channel)]
    items = [_json(entry, spec, channel, state_of([spec], timezone, max(now_us, moment(spec.performed_at, timezone.key, "")), now_us + 1)) for entry, spec in found]
    items.sort(key=lambda item: (moment(item.performed_at, timezone.key, ""), item.recorded_at), reverse=True)
    return CalibrationsJson(channel=channel.id, state=state_of([spec for _, spec in found], timezone, now_us, now_us + 1), items=items)


def _check_numbers(body: CalibrationBody, channel: Channel) -> None:
    if not (math.isfinite(body.gain) and body.gain > 0):
        raise BadInput(f"{body.gain:g} cannot be", field="gain", remedy="a number greater than 0; 1 leaves the values as they are")
    if not math.isfinite(body.offset):
        raise BadInput("is not a finite number", field="offset", remedy="in the channel's unit")
    quantity = quantity_of(channel.quantity, channel.spec.unit)
    if quantity is not None and quantity.averaging is Averaging.ENERGY and body.gain != 1.0:
        raise BadInput("of decibels cannot be applied to means", field="gain", remedy="correct a sound level by its offset, and leave the gain at 1")
    if body.type in CHECKS_ONLY and (body.gain != 1.0 or body.offset != 0.0):
        raise BadInput("a mere check changes no reading", field="gain" if body.gain != 1.0 else "offset", remedy="enter the adjustment that followed as a calibration of its own")


def _id(channel: str, caller: Caller, body: CalibrationBody) -> str:
    digest = hashlib.sha256(msgspec.json.encode([channel, caller.user.name, msgspec.structs.replace(body, reason="")]))
    return f"cal-{digest.hexdigest()[:16]}"


def _held(house: House, channel: Channel) -> list[tuple[Entry, CalibrationSpec]]:
    held: dict[str, tuple[Entry, CalibrationSpec]] = {}
    for entry in house.sources.registry().entries:
        if entry.kind == "calibration" and entry.site == channel.site and entry.body:
            spec = msgspec.json.decode(entry.body, type=CalibrationSpec)
            if channel_of(spec) == channel.id:
                held[spec.id] = (entry, spec)
    return list(held.values())


def _json(entry: Entry, spec: CalibrationSpec, channel: Channel, state: object) -> CalibrationJson:
    return msgspec.convert(
        {
            **msgspec.to_builtins(spec),
            "channel": channel.id,
            "state": state,
            "author": entry.author,
            "reason": entry.reason,
            "recorded_at": to_rfc3339(entry.recorded_us),
        },
        CalibrationJson,
    )
