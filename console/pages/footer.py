"""What nobody measures, for the footer of every page: of the zone or the site that it is about; a page about several sites says where to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from console.context import House, house_of
from console.records.plans import not_measured
from console.records.shapes import NotMeasuredJson
from console.words import hazard_name
from domain.scope import Scope


@dataclass(frozen=True, slots=True)
class Missing:
    """A hazard that nobody measures, and where."""

    hazard: str
    places: str


def missing(found: Sequence[NotMeasuredJson], names: Mapping[str, str]) -> list[Missing]:
    """Hazards, each with the zones where nobody measures it."""
    places: dict[str, list[str]] = {}
    for one in found:
        places.setdefault(one.hazard, []).append(names.get(one.zone, one.zone))
    return [Missing(hazard_name(hazard), ", ".join(zones)) for hazard, zones in sorted(places.items())]


def footer(house: House, scope: Scope, site: str, zone: str | None = None) -> dict[str, Any]:
    """Of a site that the caller sees, or of one zone of it."""
    snapshot = house.sources.snapshot()
    names = {one.id: one.spec.name for one in snapshot.zones_of(site)}
    return {"not_measured": missing(not_measured(house, scope, site, zone), names), "plan_signed": snapshot.plan_in_force(site) is not None}


def footer_by_address(request: Request, scope: Scope) -> dict[str, Any]:
    """By the zone or the site in the page's address, else by the only site that there is for the caller."""
    house = house_of(request)
    seen, zone = house.sources.site_ids(scope), house.sources.snapshot().zones.get(request.path_params.get("zone", ""))
    named = zone.site if zone else request.path_params.get("site", seen[0] if len(seen) == 1 else "")
    return footer(house, scope, named, zone.id if zone else None) if named in seen else {"is_of_sites": bool(seen)}
