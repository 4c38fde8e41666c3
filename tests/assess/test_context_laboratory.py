"""Laboratory results in the context file of `oshwatch assess`: a hygienist with a CSV, a report and no server gets a full answer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
import yaml

from assess.contextfile import parse_context_file
from assess.file import assess_samples
from assess.samples import read_samples
from domain.errors import BadInput
from domain.times import parse_instant
from oshwatch.cli import run

HANOI = timezone(timedelta(hours=7))
START = datetime(2026, 11, 23, 7, tzinfo=HANOI)
NOW_US = parse_instant("2026-12-24T09:00:00Z")
TOLUENE = "108-88-3"


def result(first_h=0.0, stop_h=8.0, **changes):
    start, stop = (START + timedelta(hours=hours) for hours in (first_h, stop_h))
    body = {"zone": "z1", "agent": TOLUENE, "method": "NIOSH 1501", "value": 20.0, "unit": "ppm", "start": start.isoformat(), "stop": stop.isoformat()}
    return {**body, "basis": "personal", "laboratory": "Vinacontrol", "accreditation": "VILAS 001", "blank": 0.0, "uncertainty_pct": 25.0, **changes}


def context(*results, shifts=True, zones=("z1",), **zone):
    file = {
        "site": {"id": "f1", "name": "Factory", "timezone": "Asia/Ho_Chi_Minh", "country": "VN", "profiles": []},
        "shifts": [{"name": "A", "start": "07:00", "stop": "15:00"}] if shifts else [],
        "zones": [{"id": name, "name": name, **zone} for name in zones],
        "lab_results": list(results),
    }
    return yaml.safe_dump(file)


def csv(quantity="co", value=5.0, zone="z1"):
    lines = [f"{(START + timedelta(minutes=index)).isoformat()},{quantity},{value},{zone}" for index in range(480)]
    return "time,quantity,value,zone\n" + "\n".join(lines) + "\n"


def assessed(text, given, profiles=("us-niosh",)):
    file = parse_context_file(given, "site.yaml", NOW_US)
    return assess_samples(read_samples(text, "day.csv"), file, profiles, context_source="site.yaml", now_us=NOW_US)


def of_laboratory(found):
    return {f"{one.placement}/{one.metric}": one for one in found if one.placement.startswith(("sample-", "set-"))}


def test_a_laboratory_result_stands_beside_what_the_sensors_say():
    found = assessed(csv(), context(result()))
    assert any(one.hazard == "gas:co" for one in found)
    verdict = of_laboratory(found)["sample-1/twa"]
    assert (verdict.value, verdict.state, verdict.grade, verdict.zone) == (20.0, "within", "compliance", "f1.z1")


def test_a_set_of_the_file_is_one_average():
    found = of_laboratory(assessed(csv(), context(result(0, 4, set="a", value=40.0), result(4, 8, set="a", value=10.0))))
    assert (found["set-a/twa"].value, found["set-a/twa"].coverage) == (25.0, 1.0)


def test_a_zone_that_only_a_laboratory_measured_has_its_result():
    found = assessed(csv(), context(result(zone="z2"), zones=("z1", "z2")))
    assert {one.zone for one in of_laboratory(found).values()} == {"f1.z2"}
    assert {one.hazard for one in found if one.zone == "f1.z2"} == {f"chemical:{TOLUENE}"}


def test_a_result_of_another_day_is_of_that_days_shift_and_brings_no_other_verdict():
    found = assessed(csv(), context(result(-24 * 30, -24 * 30 + 8)))
    assert {one.shift.date for one in found if one.hazard == "gas:co"} == {"2026-11-23"}
    assert [(one.shift.date, one.metric) for one in found if one.shift.date != "2026-11-23" and one.metric == "twa"] == [("2026-10-24", "twa")]


def test_a_result_outside_every_shift_is_said_and_not_dropped():
    found = assessed(csv(), context(result(10, 12)))
    assert not of_laboratory(found)
    assert all("Laboratory sample 1 lies in no shift that is known: it has no result of its own." in one.notes for one in found)


def test_without_a_shift_plan_the_shift_reaches_over_the_sample():
    verdict = of_laboratory(assessed(csv(), context(result(-1, 8), shifts=False)))["sample-1/twa"]
    assert (verdict.expected, verdict.coverage) == (540, 1.0)


def test_a_result_of_the_last_months_bears_out_the_mixture_of_a_photo_ionisation_detector():
    solvents = [{"cas": TOLUENE, "response_factor": 0.5, "ionisation_ev": 8.82}]
    index = {}
    for days in (30, 400):
        found = assessed(csv("tvoc_isobutylene"), context(result(-24 * days, -24 * days + 8), solvents=solvents))
        index[days] = next(one.high for one in found if one.metric == "mixture_index")
    assert index[30] is not None
    assert index[400] is None


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"zone": "z9"}, "zone", "no zone 'z9'"),
        ({"agent": "108-88-4"}, "agent", "neither a CAS number"),
        ({"supersedes": 3}, "supersedes", "on record"),
        ({"stop": START.isoformat()}, "stop", "not after start"),
    ],
)
def test_a_wrong_result_is_refused_with_its_line_and_field(changes, field, words):
    given = context(result(), result(**changes))
    with pytest.raises(BadInput, match=words) as caught:
        parse_context_file(given, "site.yaml", NOW_US)
    assert caught.value.field == f"lab_results[1].{field}"
    lines = given.splitlines()
    assert field in lines[caught.value.line - 1]


def test_results_of_one_set_that_overlap_are_refused():
    with pytest.raises(BadInput, match="overlaps another sample of set 'a'"):
        parse_context_file(context(result(0, 5, set="a"), result(4, 8, set="a")), "site.yaml", NOW_US)


def test_the_command_reads_them(tmp_path, capsys):
    now = datetime.now(tz=HANOI) - timedelta(days=1)
    day = now.replace(hour=7, minute=0, second=0, microsecond=0)
    times = {"start": day.isoformat(), "stop": (day + timedelta(hours=8)).isoformat()}
    (tmp_path / "day.csv").write_text(f"time,quantity,value\n{day.isoformat()},co,3\n{(day + timedelta(minutes=1)).isoformat()},co,3\n")
    (tmp_path / "site.yaml").write_text(context({**result(), **times, "qualifier": ">"}))
    arguments = ["assess", "--profile", "us-niosh", "--input", str(tmp_path / "day.csv"), "--context", str(tmp_path / "site.yaml")]
    assert run([*arguments, "--json"]) == 0
    verdicts = json.loads(capsys.readouterr().out)["verdicts"]
    assert any(one["placement"] == "sample-1" and one["high"] is None for one in verdicts)
    assert run(arguments) == 0
    assert "at least 20" in capsys.readouterr().out
