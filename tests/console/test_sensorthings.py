"""The read-only export after OGC SensorThings 1.1, by the requirements that its root page names."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest

ROOT = "/api/v1/sensorthings/v1.1"
NOISE = "agent-sewing-2.sewing-2.sound_level_a_eq"


def get(site, path: str, **options: str):
    query = "&".join(f"${name}={quote(value)}" for name, value in options.items())
    answer = site.get(f"{ROOT}/{path}" + (f"?{query}" if query else ""))
    assert answer.status_code == 200, answer.text
    return answer.json()


def follow(site, url: str):
    """A link as the service gives it."""
    parts = urlsplit(url)
    answer = site.get(parts.path + (f"?{parts.query}" if parts.query else ""))
    assert answer.status_code == 200, (url, answer.text)
    return answer.json()


def test_the_root_names_the_entity_sets_and_what_it_conforms_to(standing) -> None:
    root = standing.get(ROOT).json()
    assert {entry["name"] for entry in root["value"]} == {"Things", "Locations", "Datastreams", "Sensors", "ObservedProperties", "Observations", "FeaturesOfInterest"}
    claimed = root["serverSettings"]["conformance"]
    assert all("/iot_sensing/1.1/req/" in entry for entry in claimed)
    in_part = {"skip", "orderby", "filter", "expand", "resource-path-to-entities"}
    assert {entry.rsplit("/", 1)[1] for entry in claimed}.isdisjoint(in_part), "what is offered in part is not claimed"


@pytest.mark.parametrize("name", ["Things", "Locations", "Datastreams", "Sensors", "ObservedProperties", "FeaturesOfInterest"])
def test_each_entity_can_be_read_at_its_own_link_and_its_links_lead_somewhere(standing, name: str) -> None:
    entities = get(standing, name, top="3")["value"]
    assert entities
    for entity in entities:
        assert follow(standing, entity["@iot.selfLink"]) == entity
        for key, url in entity.items():
            if key.endswith("@iot.navigationLink"):
                assert follow(standing, url)


def test_datastreams_are_the_channels_that_the_caller_sees(standing) -> None:
    sites = [site["id"] for site in standing.get("/api/v1/sites").json()["items"]]
    zones = [zone["id"] for site in sites for zone in standing.get(f"/api/v1/sites/{site}/zones").json()["items"]]
    channels = {channel["id"] for zone in zones for channel in standing.get(f"/api/v1/zones/{zone}/channels").json()["items"]}
    found = get(standing, "Datastreams", top="1000", count="true")
    assert {entity["@iot.id"] for entity in found["value"]} == channels
    assert found["@iot.count"] == len(channels)
    in_zone = get(standing, f"Things('{zones[0]}')/Datastreams")["value"]
    assert all(entity["Thing@iot.navigationLink"].endswith(f"Things('{zones[0]}')") for entity in in_zone)


def test_observations_are_the_readings(standing) -> None:
    items = standing.get(f"/api/v1/channels/{NOISE}/readings?start=2026-11-25T03:00:00Z&stop=2026-11-25T03:42:00Z").json()["items"]
    span = "phenomenonTime ge 2026-11-25T03:00:00Z and phenomenonTime lt 2026-11-25T03:42:00Z"
    found = get(standing, f"Datastreams('{NOISE}')/Observations", filter=span, top="1000")["value"]
    assert [(one["phenomenonTime"], one["result"], one["parameters"]) for one in found] == [(item["time"], item["value"], {"q": item["q"], "r": item["r"]}) for item in items]
    assert follow(standing, found[0]["@iot.selfLink"]) == found[0]
    assert follow(standing, found[0]["Datastream@iot.navigationLink"])["@iot.id"] == NOISE


def test_pages_of_observations_join_to_the_whole(standing) -> None:
    span = "phenomenonTime ge 2026-11-25T03:00:00Z and phenomenonTime lt 2026-11-25T03:42:00Z"
    path = f"Datastreams('{NOISE}')/Observations"
    whole = get(standing, path, filter=span, top="1000")["value"]
    page = get(standing, path, filter=span, top="7")
    joined = page["value"]
    while "@iot.nextLink" in page:
        page = follow(standing, page["@iot.nextLink"])
        joined += page["value"]
    assert joined == whole


def test_pages_of_entities_join_to_the_whole(standing) -> None:
    page = get(standing, "Datastreams", top="2")
    joined = page["value"]
    while "@iot.nextLink" in page:
        page = follow(standing, page["@iot.nextLink"])
        joined += page["value"]
    ids = [entity["@iot.id"] for entity in joined]
    assert ids == sorted(ids)
    assert ids == [entity["@iot.id"] for entity in get(standing, "Datastreams", top="1000")["value"]]
    assert ids[::-1] == [entity["@iot.id"] for entity in get(standing, "Datastreams", top="1000", orderby="id desc")["value"]]


def test_the_latest_observation_comes_alone(standing) -> None:
    found = get(standing, f"Datastreams('{NOISE}')/Observations", orderby="phenomenonTime desc", top="1")["value"]
    last = standing.get(f"/api/v1/channels/{NOISE}/readings?start=2020-01-01T00:00:00Z&limit=10000").json()["items"][-1]
    assert [one["phenomenonTime"] for one in found] == [last["time"]]


def test_a_rejected_reading_has_no_result(site) -> None:
    at_us = site.factory.clock.now_us()
    site.factory.store(NOISE, 19.0, at_us=at_us, q=1, r=(1,))
    assert get(site, f"Observations('{NOISE}@{at_us}')")["result"] is None


def test_selected_properties_alone_are_given(standing) -> None:
    assert [set(entity) for entity in get(standing, "Things", select="id,name", top="1")["value"]] == [{"@iot.id", "name"}]


@pytest.mark.parametrize(
    "path", ["Persons", "Things('k1.press')", "Locations('k1')", "Datastreams('agent-k.press.co2')", "Datastreams('no')/Observations", "Observations('x@y')", "Things/Datastreams"]
)
def test_what_is_not_there_or_not_the_caller_s_is_404(standing, path: str) -> None:
    assert standing.get(f"{ROOT}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("query", "status"), [("$top=many", 422), ("$count=perhaps", 422), ("$select=person", 422), ("$expand=Datastreams", 501), ("$filter=name eq 'x'", 501), ("$orderby=name", 501)]
)
def test_a_wrong_option_is_refused_and_one_that_is_not_offered_says_so(standing, query: str, status: int) -> None:
    answer = standing.get(f"{ROOT}/Things?{quote(query, safe='=$')}")
    assert answer.status_code == status
    assert answer.json()["detail"] or answer.json()["errors"]
