"""Lab results: refused when they cannot be, kept for ever when they are entered."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import Engine, inspect

from domain.agreements import SiteChange
from domain.errors import BadInput
from domain.lab import LabResult, check_lab_result
from domain.registry import Entry, Registry
from domain.times import parse_instant
from storage.records.lab_results import Get, LabResultsRepository, StoredLabResult
from storage.records.registry import RegistryRepository

NOW_US = parse_instant("2026-11-25T09:00:00Z")
GOOD = {
    "agent": "108-88-3",
    "method": "NIOSH 1501",
    "value": 12.4,
    "unit": "ppm",
    "start": "2026-11-24T01:00:00Z",
    "stop": "2026-11-24T08:00:00Z",
    "basis": "personal",
    "laboratory": "Vinacontrol",
    "flow_pre_l_min": 0.2,
    "flow_post_l_min": 0.19,
}


def result(**changes: object) -> LabResult:
    return msgspec.convert({**GOOD, **changes}, LabResult)


@pytest.fixture
def repository(engine: Engine) -> LabResultsRepository:
    return LabResultsRepository(engine)


def test_a_good_result_passes_and_knows_its_volume_and_drift_of_flow() -> None:
    good = result()
    check_lab_result(good, NOW_US)
    assert good.volume_l == pytest.approx(0.195 * 420)
    assert good.flow_differs_pct == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agent": "108-88-4"}, "agent"),
        ({"agent": "toluene"}, "agent"),
        ({"unit": "mg"}, "unit"),
        ({"value": -1.0}, "value"),
        ({"value": 0.0}, "value"),
        ({"value": float("nan")}, "value"),
        ({"value": 0.4, "loq": 0.5}, "value"),
        ({"stop": "2026-11-24T01:00:00Z"}, "stop"),
        ({"stop": "2026-11-27T01:00:00Z"}, "stop"),
        ({"start": "2026-11-25T08:00:00Z", "stop": "2026-11-25T09:00:01Z"}, "stop"),
        ({"start": "yesterday"}, "start"),
        ({"flow_pre_l_min": 0.0}, "flow_pre_l_min"),
        ({"laboratory": " "}, "laboratory"),
        ({"report_sha256": "abc"}, "report_sha256"),
        ({"custody": ["x"] * 21}, "custody"),
        ({"set": "Hoa, line 3"}, "set"),
        ({"temperature_c": 298.15}, "temperature_c"),
        ({"pressure_hpa": 101.3}, "pressure_hpa"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_lab_result(result(**changes), NOW_US)
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["name", "worker", "employee_id"])
def test_there_is_no_place_for_a_person(field: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=field):
        result(**{field: "Hoa"})


def test_a_non_detect_is_a_bound() -> None:
    check_lab_result(result(qualifier="<", value=0.5, loq=0.5), NOW_US)


def test_a_correction_supersedes_and_the_old_result_stays(repository: LabResultsRepository) -> None:
    first = repository.add("f1", "f1.gluing", result(), author="linh", reason="", now_us=NOW_US)
    second = repository.add("f1", "f1.gluing", result(value=21.4, supersedes=first.id), author="linh", reason="typing error", now_us=NOW_US + 1)
    found = repository.of_zone("f1.gluing").items
    assert [(one.id, one.result.value, one.superseded_by) for one in found] == [(first.id, 12.4, second.id), (second.id, 21.4, None)]
    for supersedes in (first.id, 99):
        with pytest.raises(BadInput):
            repository.add("f1", "f1.gluing", result(supersedes=supersedes), author="linh", reason="", now_us=NOW_US)
    with pytest.raises(BadInput):
        repository.add("f1", "f1.sewing-1", result(supersedes=second.id), author="linh", reason="", now_us=NOW_US)


def test_results_come_page_by_page(repository: LabResultsRepository) -> None:
    for number in range(5):
        repository.add("f1", "f1.gluing", result(value=number + 1.0), author="linh", reason="", now_us=NOW_US)
    repository.add("f1", "f1.other", result(), author="linh", reason="", now_us=NOW_US)
    values, cursor = [], None
    while True:
        page = repository.of_zone("f1.gluing", limit=2, cursor=cursor)
        values += [one.result.value for one in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert values == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_the_table_has_no_column_for_a_person(engine: Engine) -> None:
    names = {column["name"] for column in inspect(engine).get_columns("lab_results")}
    assert names == {"id", "site", "zone", "agent", "start_us", "stop_us", "supersedes", "author", "reason", "recorded_us", "body"}


MORNING, NOON = "2026-11-24T01:00:00Z", "2026-11-24T04:30:00Z"


def test_samples_of_a_set_follow_one_another_and_a_correction_replaces_its_own(repository: LabResultsRepository) -> None:
    first = repository.add("f1", "f1.z1", result(set="a", start=MORNING, stop=NOON), author="lan", reason="", now_us=NOW_US)
    repository.add("f1", "f1.z1", result(set="a", start=NOON), author="lan", reason="", now_us=NOW_US)
    repository.add("f1", "f1.z1", result(set="a", start=MORNING, stop="2026-11-24T04:00:00Z", supersedes=first.id), author="lan", reason="", now_us=NOW_US)
    assert len(repository.of_zone("f1.z1").items) == 3


@pytest.mark.parametrize(("changes", "field"), [({}, "start"), ({"start": NOON, "unit": "mg/m3"}, "unit"), ({"start": NOON, "basis": "area"}, "basis")])
def test_what_does_not_go_with_the_rest_of_its_set_is_refused(repository: LabResultsRepository, changes: dict[str, object], field: str) -> None:
    repository.add("f1", "f1.z1", result(set="a", start=MORNING, stop=NOON), author="lan", reason="", now_us=NOW_US)
    with pytest.raises(BadInput) as caught:
        repository.add("f1", "f1.z1", result(set="a", **changes), author="lan", reason="", now_us=NOW_US)
    assert caught.value.field == field
    repository.add("f1", "f1.z1", result(set="b", **changes), author="lan", reason="", now_us=NOW_US)
    repository.add("f1", "f1.z2", result(set="a", **changes), author="lan", reason="", now_us=NOW_US)
    repository.add("f1", "f1.z1", result(set="a", start="2026-11-20T01:00:00Z", stop="2026-11-20T08:00:00Z", unit="mg/m3"), author="lan", reason="", now_us=NOW_US)


def change_of(stored: StoredLabResult, site: str = "f1") -> Entry:
    change = SiteChange(id=f"change-{stored.id}", site=site, milder=[])
    return Entry(site=site, kind="change", id=change.id, valid_from_us=NOW_US, recorded_us=NOW_US, author="lan", reason="", body=msgspec.json.encode(change))


def test_a_result_and_what_waits_because_of_it_are_written_together_or_not_at_all(repository: LabResultsRepository, engine: Engine) -> None:
    registry = RegistryRepository(engine)
    seen: list[float | None] = []

    def entries(_registry: Registry, stored: StoredLabResult, get: Get) -> list[Entry]:
        before = get(stored.result.supersedes or stored.id)
        seen.append(before.result.value if before else None)
        return [change_of(stored)]

    first = repository.add("f1", "f1.gluing", result(), author="lan", reason="", now_us=NOW_US, entries=entries)
    assert [entry.id for entry in registry.load().entries] == [f"change-{first.id}"]

    def dies(_registry: Registry, _stored: StoredLabResult, _get: Get) -> list[Entry]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repository.add("f1", "f1.gluing", result(value=0.1, supersedes=first.id), author="lan", reason="", now_us=NOW_US, entries=dies)
    assert [one.result.value for one in repository.of_zone("f1.gluing").items] == [12.4]
    assert len(registry.load().entries) == 1
    repository.add("f1", "f1.gluing", result(value=0.2, supersedes=first.id), author="lan", reason="", now_us=NOW_US, entries=entries)
    assert seen == [12.4, 12.4]
    assert len(registry.load().entries) == 2
