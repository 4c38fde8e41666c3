"""Notes that travel with a result about a substance, and with noise beside one: what being within a limit does not mean."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from assess import texts
from assess.outcome import ZoneShift
from domain.quantities import QUANTITIES
from models.airborne.ototoxic import OTOTOXIC
from models.limits import load_profiles

READ_FROM = ("us-niosh", "us-osha", "eu")
"""Profiles whose limits carry notations; a carcinogen is one whichever limit a site adopted."""


def notes_of(work: ZoneShift, hazard: str) -> list[str]:
    """For one hazard of the zone; nothing for heat."""
    if hazard == "noise":
        names = sorted({OTOTOXIC[cas] for cas in substances(work) if cas in OTOTOXIC})
        return [texts.NOISE_AND_OTOTOXIC.format(substances=", ".join(names))] if names else []
    concerned = _concerned(work, hazard)
    notes = [note for cas in concerned for note in notations(cas)]
    noisy = any("noise" in piece.spec.hazards or any(channel.quantity.startswith("sound_") for channel in piece.channels.values()) for piece in work.span.pieces)
    harmful = sorted({OTOTOXIC[cas] for cas in concerned if cas in OTOTOXIC}) if noisy else []
    return list(dict.fromkeys([*notes, *([texts.NOISE_AND_OTOTOXIC.format(substances=", ".join(harmful))] if harmful else [])]))


@cache
def notations(cas: str) -> tuple[str, ...]:
    """Skin, carcinogen, sensitiser, as the notes of the lists say of a substance."""
    said = [limit.note.lower().rstrip(". ") for id in READ_FROM for limit in load_profiles()[id].limits if limit.is_for(cas)]
    skin = any(note.endswith("skin") and "sensitis" not in note for note in said)
    found = {texts.SKIN_UPTAKE: skin, texts.CARCINOGEN: any("carcinogen" in note for note in said), texts.SENSITISER: any("sensitis" in note for note in said)}
    return tuple(text for text, holds in found.items() if holds)


def substances(work: ZoneShift) -> set[str]:
    """CAS numbers that the zone is known to have: planned, measured, declared or sampled."""
    found = {one.cas for one in work.span.solvents} | {sample.result.agent for sample in work.samples(work.span)}
    for piece in work.span.pieces:
        found |= {cas for hazard in piece.spec.hazards if (cas := cas_of(hazard))}
        found |= {cas for channel in piece.channels.values() if (cas := _cas_of_quantity(channel.quantity))}
    return found


def cas_of(hazard: str) -> str:
    """`chemical:CAS` or `gas:QUANTITY`; "" for what is no single substance."""
    kind, _, detail = hazard.partition(":")
    return _cas_of_quantity(detail) if kind == "gas" else detail if kind == "chemical" and detail != "mixture" else ""


def _cas_of_quantity(id: str) -> str:
    known = QUANTITIES.get(id)
    return known.cas if known else id.partition(":")[2]


def _concerned(work: ZoneShift, hazard: str) -> Iterable[str]:
    if hazard == "chemical:mixture":
        return sorted(substances(work))
    return [cas] if (cas := cas_of(hazard)) else []
