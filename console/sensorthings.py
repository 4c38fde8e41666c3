"""OGC SensorThings API 1.1 (18-088), sensing part, read only: zones are Things, channels Datastreams, readings Observations.

A sensor on a wall measures a place: every feature of interest is a zone, never a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from console import params
from console.params import Span
from console.readings import read_samples
from console.sources import Sources
from domain.errors import BadInput, NotFound, OshwatchError
from domain.quality import Quality
from domain.quantities import Quantity, quantity_of
from domain.reading import Reading
from domain.registry import Channel
from domain.scope import Scope
from domain.times import parse_instant, to_rfc3339
from storage.timeseries.port import TimeSeries

ROOT = "/api/v1/sensorthings/v1.1"
_SPEC = "http://www.opengis.net/spec/iot_sensing/1.1/req"
# Only what is met whole: $skip, $orderby and paths are offered in part, and say so where they end.
CONFORMANCE = (
    f"{_SPEC}/datamodel/thing",
    f"{_SPEC}/datamodel/location",
    f"{_SPEC}/datamodel/datastream",
    f"{_SPEC}/datamodel/sensor",
    f"{_SPEC}/datamodel/observed-property",
    f"{_SPEC}/datamodel/observation",
    f"{_SPEC}/datamodel/feature-of-interest",
    f"{_SPEC}/request-data/top",
    f"{_SPEC}/request-data/count",
    f"{_SPEC}/request-data/select",
    f"{_SPEC}/request-data/pagination",
)
TOP, TOP_MAX = 100, 1_000
SETS = ("Things", "Locations", "Datastreams", "Sensors", "ObservedProperties", "Observations", "FeaturesOfInterest")
_OPTIONS = ("$top", "$skip", "$count", "$orderby", "$filter", "$select", "$skiptoken")
_SEGMENT = re.compile(r"([A-Za-z]+)(?:\('((?:[^']|'')*)'\))?")
_TIME_TEST = re.compile(r"(?:phenomenonTime|resultTime)\s+(ge|gt|le|lt|eq)\s+(\S+)")
_MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"

ALWAYS = Span(params.EARLIEST_US, params.LATEST_US)

Entity = dict[str, Any]


class NotOffered(OshwatchError):
    """A part of the standard that this export does not have."""


@dataclass(frozen=True, slots=True)
class Query:
    """The system query options that are offered."""

    top: int = TOP
    skip: int = 0
    count: bool = False
    descending: bool = False
    span: Span = ALWAYS
    select: tuple[str, ...] = ()
    after_us: int | None = None  # of observations: where the next page starts


@dataclass(frozen=True, slots=True)
class SensorThings:
    """What one caller may read."""

    sources: Sources
    store: TimeSeries
    scope: Scope
    base: str  # absolute URL of the service

    def root(self) -> Entity:
        return {"value": [{"name": name, "url": f"{self.base}/{name}"} for name in SETS], "serverSettings": {"conformance": list(CONFORMANCE)}}

    def answer(self, path: str, options: Sequence[tuple[str, str]]) -> Entity:
        """An entity or a collection; raises `NotFound`, `BadInput` for a wrong option, `NotOffered` for what is not there on purpose."""
        query = parse_query(options)
        steps = [_step(segment) for segment in path.strip("/").split("/")]
        (name, id), rest = steps[0], steps[1:]
        if name not in SETS:
            raise NotFound(f"no entity set '{name}'")
        if id is None:
            if rest:
                raise NotFound("a collection has no parts: name the entity, as in Things('id')/Datastreams")
            return self._collection(name, None, query, path, options)
        entity = self._entity(name, id)
        if not rest:
            return _selected(entity, query.select)
        if len(rest) > 1 or rest[0][1] is not None:
            raise NotOffered("paths of more than one step")
        return self._related(name, id, rest[0][0], query, path, options)

    def _related(self, name: str, id: str, part: str, query: Query, path: str, options: Sequence[tuple[str, str]]) -> Entity:
        link = _LINKS.get(name, {}).get(part)
        if link is None:
            raise NotFound(f"{name} have no '{part}'")
        target, key = link(self, id)
        if key is not None:
            return _selected(self._entity(target, key), query.select)
        return self._collection(target, (name, id), query, path, options)

    def _entity(self, name: str, id: str) -> Entity:
        if name == "Observations":
            return self._observation_by_id(id)
        return _MAKE[name](self, id)

    def _collection(self, name: str, within: tuple[str, str] | None, query: Query, path: str, options: Sequence[tuple[str, str]]) -> Entity:
        if name == "Observations":
            return self._observations(within, query, path, options)
        ids = sorted(self._ids(name, within), reverse=query.descending)
        page = ids[query.skip : query.skip + query.top]
        answer: Entity = {"@iot.count": len(ids)} if query.count else {}
        if query.skip + query.top < len(ids):
            answer["@iot.nextLink"] = self._next(path, options, "$skip", str(query.skip + query.top))
        answer["value"] = [_selected(_MAKE[name](self, id), query.select) for id in page]
        return answer

    def _ids(self, name: str, within: tuple[str, str] | None) -> set[str]:
        if within is not None:
            return self._ids_within(name, *within)
        if name == "Locations":
            return set(self.sources.site_ids(self.scope))
        if name in ("Things", "FeaturesOfInterest"):
            return {zone.id for site in self.sources.site_ids(self.scope) for zone in self.sources.zones(self.scope, site)}
        return {channel.quantity if name == "ObservedProperties" else channel.id for channel in self._channels()}

    def _ids_within(self, name: str, of: str, id: str) -> set[str]:
        if of == "Locations":
            return {zone.id for zone in self.sources.zones(self.scope, id)}
        if of == "Things":
            zone = self.sources.zone(self.scope, id)
            return {zone.site} if name == "Locations" else {channel.id for channel in self.sources.channels(self.scope, zone.id)}
        if of == "Sensors":
            return {_channel_of(self, id).id}
        return {channel.id for channel in self._channels() if channel.quantity == id}

    def _channels(self) -> list[Channel]:
        return [channel for site in self.sources.site_ids(self.scope) for zone in self.sources.zones(self.scope, site) for channel in self.sources.channels(self.scope, zone.id)]

    def _observations(self, within: tuple[str, str] | None, query: Query, path: str, options: Sequence[tuple[str, str]]) -> Entity:
        if within is None or within[0] != "Datastreams":
            raise NotOffered("observations of all datastreams at once: ask for Datastreams('id')/Observations")
        if query.skip:
            raise NotOffered("$skip over observations: follow @iot.nextLink, or narrow phenomenonTime with $filter")
        channel = self.sources.channel(self.scope, within[1])
        fixes = self.sources.corrections(channel)
        start_us = max(query.span.start_us, query.after_us or params.EARLIEST_US)
        if query.descending:
            return self._latest(channel, query)
        page = read_samples(self.store, channel, Span(start_us, query.span.stop_us), query.top, fixes)
        answer: Entity = {}
        if query.count:
            answer["@iot.count"] = self.store.count([channel.id], query.span.start_us, query.span.stop_us).get(channel.id, 0)
        if page.next_us is not None:
            answer["@iot.nextLink"] = self._next(path, options, "$skiptoken", params.to_cursor(page.next_us))
        answer["value"] = [_selected(self._observation(channel, reading), query.select) for reading in page.readings]
        return answer

    def _latest(self, channel: Channel, query: Query) -> Entity:
        """Newest first: the latest one alone, as dashboards ask; more would have to be read from the other end."""
        if query.top != 1 or query.span != ALWAYS:
            raise NotOffered("$orderby=phenomenonTime desc but for the latest one ($top=1, no $filter)")
        last = self.sources.last(self.store, [channel]).get(channel.id)
        return {"value": [_selected(self._observation(channel, last), query.select)] if last else []}

    def _observation_by_id(self, id: str) -> Entity:
        channel_id, _, time = id.rpartition("@")
        channel = self.sources.channel(self.scope, channel_id)
        if not re.fullmatch(r"\d{1,17}", time):
            raise NotFound(f"no observation '{id}'")
        found = read_samples(self.store, channel, Span(int(time), int(time) + 1), 1, self.sources.corrections(channel)).readings
        if not found:
            raise NotFound(f"no observation '{id}'")
        return self._observation(channel, found[0])

    def _observation(self, channel: Channel, reading: Reading) -> Entity:
        at = to_rfc3339(reading.time_us)
        id = f"{channel.id}@{reading.time_us}"
        return {
            **self._head("Observations", id),
            "phenomenonTime": at,
            "resultTime": at,
            "result": reading.value if reading.q > Quality.REJECTED else None,
            "parameters": {"q": reading.q, "r": list(reading.r)},
            "Datastream@iot.navigationLink": self._url("Datastreams", channel.id),
            "FeatureOfInterest@iot.navigationLink": self._url("FeaturesOfInterest", channel.zone),
        }

    def thing(self, id: str) -> Entity:
        zone = self.sources.zone(self.scope, id)
        return {
            **self._head("Things", id),
            "name": zone.spec.name,
            "description": f"A zone of the factory '{zone.site}'",
            "properties": {"site": zone.site, "zone": zone.id},
            "Datastreams@iot.navigationLink": f"{self._url('Things', id)}/Datastreams",
            "Locations@iot.navigationLink": f"{self._url('Things', id)}/Locations",
        }

    def location(self, id: str) -> Entity:
        site = self.sources.site(self.scope, id)
        return {
            **self._head("Locations", id),
            "name": site.name,
            "description": "A site; its coordinates are not kept here",
            "encodingType": "application/geo+json",
            "location": {"type": "Feature", "geometry": None, "properties": {"country": site.country, "timezone": site.timezone}},
            "Things@iot.navigationLink": f"{self._url('Locations', id)}/Things",
        }

    def datastream(self, id: str) -> Entity:
        channel = self.sources.channel(self.scope, id)
        quantity = _quantity(channel)
        url = self._url("Datastreams", id)
        return {
            **self._head("Datastreams", id),
            "name": f"{quantity.name}, {channel.spec.placement}",
            "description": f"{quantity.name} at '{channel.spec.placement}': an area measurement, corrected by the channel's calibrations",
            "observationType": _MEASUREMENT,
            "unitOfMeasurement": {"name": quantity.unit, "symbol": quantity.unit_shown, "definition": "https://www.iana.org/assignments/senml"},
            "properties": {"interval_s": channel.spec.interval_s, "use": quantity.use.value, "agent": channel.agent},
            "Thing@iot.navigationLink": self._url("Things", channel.zone),
            "Sensor@iot.navigationLink": self._url("Sensors", id),
            "ObservedProperty@iot.navigationLink": self._url("ObservedProperties", channel.quantity),
            "Observations@iot.navigationLink": f"{url}/Observations",
        }

    def sensor(self, id: str) -> Entity:
        channel = self.sources.channel(self.scope, id)
        instrument = channel.spec.instrument
        named = f"{instrument.model} {instrument.serial}".strip() if instrument else ""
        return {
            **self._head("Sensors", id),
            "name": named or f"sensor of {id}",
            "description": "The instrument of this datastream, as the registry has it now",
            "encodingType": "text/html",
            "metadata": "",
            "properties": {"model": instrument.model, "serial": instrument.serial} if instrument else {},
            "Datastreams@iot.navigationLink": f"{self._url('Sensors', id)}/Datastreams",
        }

    def observed_property(self, id: str) -> Entity:
        if id not in {channel.quantity for channel in self._channels()}:
            raise NotFound(f"no observed property '{id}'")
        quantity = quantity_of(id)
        return {
            **self._head("ObservedProperties", id),
            "name": quantity.name if quantity else id,
            "definition": f"urn:oshwatch:quantity:{id}",
            "description": f"averaged by {quantity.averaging.value} mean" if quantity else "",
            "Datastreams@iot.navigationLink": f"{self._url('ObservedProperties', id)}/Datastreams",
        }

    def feature(self, id: str) -> Entity:
        zone = self.sources.zone(self.scope, id)
        return {
            **self._head("FeaturesOfInterest", id),
            "name": zone.spec.name,
            "description": "The air and the workplace of a zone",
            "encodingType": "application/geo+json",
            "feature": {"type": "Feature", "geometry": None, "properties": {"zone": zone.id}},
        }

    def _head(self, name: str, id: str) -> Entity:
        return {"@iot.id": id, "@iot.selfLink": self._url(name, id)}

    def _url(self, name: str, id: str) -> str:
        return f"{self.base}/{name}('{quote(id.replace(chr(39), chr(39) * 2), safe=':@.')}')"

    def _next(self, path: str, options: Sequence[tuple[str, str]], name: str, value: str) -> str:
        kept = [(key, text) for key, text in options if key not in (name, "$count")]
        return f"{self.base}/{quote(path, safe='/()' + chr(39) + ':@.')}?{urlencode([*kept, (name, value)], safe='$')}"


def parse_query(options: Sequence[tuple[str, str]]) -> Query:
    """Raises `BadInput` for a value that is wrong and `NotOffered` for an option that is not there."""
    found: dict[str, str] = {}
    for name, text in options:
        if name not in _OPTIONS:
            raise NotOffered(f"the option '{name}'; offered are {', '.join(_OPTIONS)}")
        found[name] = text.strip()
    return Query(
        top=min(_whole(found.get("$top", str(TOP)), "$top"), TOP_MAX),
        skip=_whole(found.get("$skip", "0"), "$skip"),
        count=_yes(found.get("$count", "false")),
        descending=_descending(found.get("$orderby", "")),
        span=_span(found.get("$filter", "")),
        select=tuple(part.strip() for part in found.get("$select", "").split(",") if part.strip()),
        after_us=params.time_cursor(found.get("$skiptoken")),
    )


def _whole(text: str, field: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise BadInput(f"'{text}' is not a whole number", field=field, remedy=f"for example {field}=100")
    return int(text)


def _yes(text: str) -> bool:
    if text not in ("true", "false"):
        raise BadInput(f"'{text}' is neither true nor false", field="$count", remedy="$count=true")
    return text == "true"


def _descending(text: str) -> bool:
    if not text:
        return False
    name, _, way = text.partition(" ")
    if name not in ("phenomenonTime", "resultTime", "@iot.id", "id") or way.strip() not in ("", "asc", "desc"):
        raise NotOffered(f"$orderby={text}; observations go by phenomenonTime, everything else by id")
    return way.strip() == "desc"


def _span(text: str) -> Span:
    """Observations by time: `phenomenonTime ge 2026-11-22T00:00:00Z and phenomenonTime lt ...`."""
    start_us, stop_us = params.EARLIEST_US, params.LATEST_US
    for part in re.split(r"\s+and\s+", text) if text else []:
        match = _TIME_TEST.fullmatch(part.strip())
        if match is None:
            raise NotOffered(f"$filter '{part}'; offered is phenomenonTime ge|gt|le|lt|eq TIME, joined by `and`")
        at_us = parse_instant(match[2], field="$filter")
        low = {"ge": at_us, "gt": at_us + 1, "eq": at_us}.get(match[1], start_us)
        high = {"lt": at_us, "le": at_us + 1, "eq": at_us + 1}.get(match[1], stop_us)
        start_us, stop_us = max(start_us, low), min(stop_us, high)
    return Span(start_us, max(start_us, stop_us))


def _step(segment: str) -> tuple[str, str | None]:
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise NotFound(f"no such path '{segment}': an entity is written Things('id')")
    return match[1], None if match[2] is None else match[2].replace("''", "'")


def _selected(entity: Entity, names: tuple[str, ...]) -> Entity:
    if not names:
        return entity
    unknown = [name for name in names if name not in entity and name not in ("id", "@iot.id")]
    if unknown:
        raise BadInput(f"there is no '{unknown[0]}'", field="$select", remedy="one of " + ", ".join(entity))
    return {name: value for name, value in entity.items() if name in names or (name == "@iot.id" and "id" in names)}


def _quantity(channel: Channel) -> Quantity:
    quantity = quantity_of(channel.quantity, channel.spec.unit)
    if quantity is None:
        raise NotFound(f"no quantity '{channel.quantity}'")
    return quantity


_MAKE: dict[str, Callable[[SensorThings, str], Entity]] = {
    "Things": SensorThings.thing,
    "Locations": SensorThings.location,
    "Datastreams": SensorThings.datastream,
    "Sensors": SensorThings.sensor,
    "ObservedProperties": SensorThings.observed_property,
    "FeaturesOfInterest": SensorThings.feature,
}

Link = Callable[[SensorThings, str], tuple[str, str | None]]


def _channel_of(service: SensorThings, id: str) -> Channel:
    return service.sources.channel(service.scope, id)


_LINKS: dict[str, dict[str, Link]] = {
    "Things": {"Datastreams": lambda _s, _key: ("Datastreams", None), "Locations": lambda _s, _key: ("Locations", None)},
    "Locations": {"Things": lambda _s, _key: ("Things", None)},
    "Datastreams": {
        "Thing": lambda s, key: ("Things", _channel_of(s, key).zone),
        "Sensor": lambda _s, key: ("Sensors", key),
        "ObservedProperty": lambda s, key: ("ObservedProperties", _channel_of(s, key).quantity),
        "Observations": lambda _s, _key: ("Observations", None),
    },
    "Sensors": {"Datastreams": lambda _s, _key: ("Datastreams", None)},
    "ObservedProperties": {"Datastreams": lambda _s, _key: ("Datastreams", None)},
    "Observations": {
        "Datastream": lambda _s, key: ("Datastreams", key.rpartition("@")[0]),
        "FeatureOfInterest": lambda s, key: ("FeaturesOfInterest", _channel_of(s, key.rpartition("@")[0]).zone),
    },
}
