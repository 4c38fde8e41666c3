"""`oshwatch assess`: a file of samples and no server gives the same verdicts as the same readings in a store."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest
import yaml

from assess.file import assess_samples
from assess.samples import read_samples
from domain.errors import BadInput
from domain.quantities import QUANTITIES
from domain.reading import Reading, minute_from
from domain.sitefile import parse_site_file
from domain.times import MINUTE_US, to_rfc3339
from models.limits.profile import Metric
from oshwatch.cli import run
from storage.timeseries.port import Batch

START = datetime(2026, 11, 23, 7, tzinfo=timezone(timedelta(hours=7)))
MICROCLIMATE = {"air_temperature", "relative_humidity", "air_speed", "radiant_flux"}  # comfort limits that no verdict is made of
HEAT = {"air_temperature": 33.0, "relative_humidity": 60.0, "globe_temperature": 36.0, "air_speed": 0.3}


def rows(values, *, every_s=60, first_s=0, zone=""):
    """CSV lines of each quantity's values, interleaved."""
    length = max(len(series) for series in values.values())
    lines = []
    for index in range(length):
        moment = (START + timedelta(seconds=first_s + index * every_s)).isoformat()
        lines += [f"{moment},{name},{'' if series[index] is None else series[index]}" + (f",{zone}" if zone else "") for name, series in values.items() if index < len(series)]
    return "time,quantity,value" + (",zone" if zone else "") + "\n" + "\n".join(lines) + "\n"


def assessed(text, context=None, profiles=("us-niosh",)):
    file = parse_site_file(yaml.safe_dump(context), "site.yaml") if context else None
    found = assess_samples(read_samples(text, "day.csv"), file, profiles, context_source="site.yaml", now_us=0)
    return {f"{one.metric}/{one.limit.id}": one for one in found}


def context(*quantities, zone=None, **changes):
    channels = [
        {
            "placement": "p1",
            "quantity": name,
            "zone": "z1",
            "interval_s": 60,
            "instrument": {"model": "m", "serial": name, "class": "compliance", "globe_diameter_mm": 150.0},
            "agreed_by": ["worker side", "management"],
        }
        for name in quantities
    ]
    return {
        "site": {"id": "f1", "name": "Factory", "timezone": "Asia/Ho_Chi_Minh", "country": "VN"},
        "shifts": [{"name": "A", "start": "07:00", "stop": "15:00"}],
        "zones": [{"id": "z1", "name": "Zone 1", "metabolic_rate_w": 300, "acclimatised": "yes", **(zone or {})}],
        "agents": [{"id": "a1", "channels": channels}],
        "calibrations": [{"id": f"c-{number}", "channel": f"a1.p1.{name}", "type": "factory", "performed_at": "2026-06-01", "by": "lab"} for number, name in enumerate(quantities)],
        **changes,
    }


def test_without_a_context_the_shift_runs_from_the_first_to_the_last_sample_and_what_was_assumed_is_said():
    found = assessed(rows({"sound_level_a_eq": [88.0] * 480}))
    dose = found["dose_3db/niosh-noise-dose"]
    assert (dose.value, found["lex_8h/niosh-noise-rel"].value) == (pytest.approx(200.0, rel=1e-6), pytest.approx(88.0))
    assert (dose.zone, dose.shift.date, dose.shift.start, dose.shift.stop) == ("file.zone-1", "2026-11-23", "2026-11-23T00:00:00Z", "2026-11-23T08:00:00Z")
    assert (dose.expected, dose.coverage, dose.grade, dose.basis) == (480, 1.0, "trend", "area")
    assert "No context file: one zone, one shift from the first to the last sample (2026-11-23 07:00:00+07:00 to 2026-11-23 14:59:00+07:00), no breaks." in dose.reasons
    assert "Sampling interval of sound_level_a_eq: 60 s, the median spacing of its samples." in dose.reasons
    assert "No instrument is on record for file.zone-1.sound_level_a_eq." in dose.reasons


def test_an_unknown_work_rate_is_not_assumed_and_clothing_is_said():
    found = assessed(rows({name: [value] * 120 for name, value in HEAT.items()}))["wbgt_effective_60min_worst/niosh-rel"]
    assert found.limit.value is None
    assert found.assumptions.metabolic_rate_w is None
    assert {"The work rate of this zone is not declared: no heat limit can be computed.", "No clothing is declared: work clothes are taken."} <= set(found.reasons)


@pytest.mark.parametrize(
    ("every_s", "first_s", "count", "minutes"),
    [(60, 0, 480, 480), (10, 0, 2880, 480), (10, 10, 2880, 480), (1, 1, 1200, 20), (7, 23, 120, 15), (300, 0, 96, 480), (900, 900, 32, 480), (60, 0, 1, 1)],
)  # fmt: skip
def test_the_edges_of_a_file_make_no_gap(every_s, first_s, count, minutes):
    found = assessed(rows({"co": [10.0] * count}, every_s=every_s, first_s=first_s))["twa/niosh-co-twa"]
    assert (found.expected, found.coverage, found.value) == (minutes, 1.0, pytest.approx(10.0))


def test_a_missing_sample_in_the_middle_is_a_gap():
    found = assessed(rows({"co": [10.0] * 100 + [None] * 30 + [10.0] * 100}))["twa/niosh-co-twa"]
    assert (found.expected, found.valid, found.max_gap_min) == (230, 200, 30)
    assert found.high > 100.0


def test_a_context_gives_shift_work_rate_intervals_calibrations_and_the_full_answer():
    hot = {**HEAT, "air_temperature": 38.0, "globe_temperature": 41.0}
    found = assessed(rows({name: [value] * 480 for name, value in hot.items()}), context(*HEAT))["wbgt_effective_60min_worst/niosh-rel"]
    assert (found.limit.value, found.zone, found.placement, found.shift.name) == (pytest.approx(28.21, abs=0.01), "f1.z1", "p1", "A")
    assert (found.state, found.calibration, [one.calibration_id for one in found.channels]) == ("exceeds", "in_date", ["c-0", "c-1", "c-2", "c-3"])
    assert not any("median spacing" in reason or "No context" in reason for reason in found.reasons)


def test_the_file_says_what_the_store_says(make_house, rng):
    house = make_house(interval_s=30.0, shift={"breaks": [("11:00", "11:45")]})
    names = house.heat(fill=False)
    series = {name: list(np.round(base + base * rng.normal(0, 0.02, 960), 3)) for name, base in HEAT.items()}
    for name, quantity in zip(names, HEAT, strict=True):
        readings = [Reading(name, house.plan.start_us + index * MINUTE_US // 2, value) for index, value in enumerate(series[quantity])]
        minutes = [minute_from(name, readings[index].time_us, readings[index : index + 2], QUANTITIES[quantity].averaging) for index in range(0, 960, 2)]
        house.store.write(Batch(minutes=minutes))
    text = rows(series, every_s=30)
    found = assess_samples(read_samples(text, "day.csv"), house.file, ["us-niosh"], now_us=0)
    stored = house.verdicts()
    assert [msgspec.structs.replace(one, computed_at="") for one in found] == list(stored.values())


def test_each_shift_with_samples_is_assessed_and_work_outside_is_unassigned_exposure():
    text = rows({"co": [10.0] * 600}, first_s=-3600)
    found = assessed(text, context("co"))["twa/niosh-co-twa"]
    assert (found.expected, found.coverage) == (480, 1.0)
    assert "Unassigned exposure: 119 samples between 2026-11-23 06:00:00+07:00 and 2026-11-23 15:59:00+07:00 lie outside every shift." in found.notes
    two = assess_samples(read_samples(rows({"co": [10.0] * 2880}), "day.csv"), parse_site_file(yaml.safe_dump(context("co")), "site.yaml"), ["us-niosh"], now_us=0)
    assert sorted({one.shift.date for one in two}) == ["2026-11-23", "2026-11-24"]


def test_a_sample_at_the_very_end_of_a_shift_is_no_work_outside_it():
    assert not assessed(rows({"co": [10.0] * 481}), context("co"))["twa/niosh-co-twa"].notes


def test_what_the_context_lacks_or_has_too_much_is_said():
    found = assessed(rows({"co": [10.0] * 480, "co2": [900.0] * 480}), context("co", "globe_temperature", valid_from="2026-12-01"))
    assert "The context has a1.p1.globe_temperature, the file no sample of it: it is left out." in found["twa/niosh-co-twa"].reasons
    assert "The context holds from 2026-12-01 on: it is taken for the samples before that too." in found["twa/niosh-co-twa"].reasons
    co2 = found["twa/niosh-co2-twa"]
    assert "The context has no channel for co2 in this zone: its instrument, calibration and placement are unknown." in co2.reasons
    assert co2.placement == "p1"


def test_a_context_without_a_shift_takes_the_file_for_one():
    found = assessed(rows({"co": [10.0] * 60}), context("co", shifts=[]))["twa/niosh-co-twa"]
    assert (found.expected, found.shift.date) == (60, "2026-11-23")
    assert any(reason.startswith("The context has no shift for this zone") for reason in found.reasons)


def test_zones_are_told_apart_by_their_column():
    text = rows({"co": [10.0] * 60}, zone="z1") + "".join(rows({"co": [20.0] * 60}, zone="f9.z2").splitlines(keepends=True)[1:])
    found = assess_samples(read_samples(text, "day.csv"), None, ["us-niosh"], now_us=0)
    assert {(one.zone, one.value) for one in found if one.metric == "ceiling_max"} == {("f9.z1", 10.0), ("f9.z2", 20.0)}


def test_a_concentration_keeps_the_unit_that_the_file_states():
    text = "time,quantity,value,unit\n" + "".join(f"{1_763_800_020 + 60 * index},concentration:108-88-3,188,mg/m3\n" for index in range(480))
    found = assessed(text)["twa/niosh-toluene-twa"]
    assert (found.unit, found.limit.value, found.value) == ("mg/m3", 375.0, pytest.approx(188.0))
    assert "The times are Unix seconds: the shift has the date of UTC." in found.reasons


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        (rows({"co": [1.0]}, zone="z9"), context("co"), "day.csv:2: zone: the context has no zone 'z9' (known: z1)"),
        (rows({"co": [1.0]}, zone="f2.z1"), context("co"), "day.csv:2: zone: zone 'f2.z1' is of another site than f1"),
        (rows({"co": [1.0]}), context("co", zones=[{"id": "z1", "name": "1"}, {"id": "z2", "name": "2"}]), "add a column zone"),
        (rows({"co": [1.0] * 5}, first_s=-7200), context("co"), "day.csv:2: time: no sample lies in a shift of the context"),
    ],
)  # fmt: skip
def test_a_file_and_a_context_that_do_not_fit_are_refused(text, given, words):
    with pytest.raises(BadInput) as refused:
        assessed(text, given)
    assert words in str(refused.value)


def test_a_file_of_many_days_needs_the_shifts_that_were_worked():
    text = rows({"co": [1.0] * 9}, every_s=86_400)
    with pytest.raises(BadInput, match=r"day\.csv: time: the samples span 8 days"):
        assessed(text)
    assert len(assess_samples(read_samples(text, "day.csv"), parse_site_file(yaml.safe_dump(context("co")), "site.yaml"), ["us-niosh"], now_us=0)) == 27


def test_two_channels_for_one_series_are_refused():
    given = context("co")
    given["agents"].append({"id": "a2", "channels": given["agents"][0]["channels"]})
    with pytest.raises(BadInput, match=r"site\.yaml: agents: zone z1 has several channels of co: a1\.p1\.co, a2\.p1\.co"):
        assessed(rows({"co": [1.0]}), given)


@pytest.fixture
def day(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text(rows({"co": [10.0] * 480, "sound_level_a_eq": [88.0] * 480}))
    return path


def test_the_command_prints_json_for_programs_and_a_table_for_people(day, tmp_path, capsys):
    assert run(["assess", "--profile", "us-niosh", "--input", str(day), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["verdicts"]
    assert {"dose_3db", "lex_8h", "twa", "ceiling_max"} <= {one["metric"] for one in answer["verdicts"]}
    site = tmp_path / "site.yaml"
    site.write_text(yaml.safe_dump(context("co")))
    assert run(["assess", "--profile", "us-niosh", "--input", str(day), "--context", str(site)]) == 0
    shown = capsys.readouterr().out
    assert "f1.z1 p1" in shown
    assert "200 %" in shown
    assert "- The context has no channel for sound_level_a_eq" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--profile", "us-nioch", "--input", "{day}"], "no limit profile 'us-nioch' (one of "),
        (["--profile", "us-niosh", "--input", "{day}.gz"], "day.csv.gz: cannot be read"),
        (["--profile", "us-niosh", "--input", "{day}", "--context", "{day}"], "day.csv:"),
    ],
)
def test_the_command_refuses_bad_input_in_one_line(day, capsys, arguments, words):
    assert run(["assess", *(argument.format(day=day) for argument in arguments)]) == 2
    assert words in capsys.readouterr().err.strip().splitlines()[-1]


def test_trends_alone_give_no_verdict_and_that_is_no_error(tmp_path, capsys):
    path = tmp_path / "dust.csv"
    path.write_text(rows({"pm2_5": [10.0] * 60, "voc_index": [100.0] * 60}))
    assert run(["assess", "--profile", "us-niosh", "--input", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"verdicts": []}
    assert run(["assess", "--profile", "us-niosh", "--input", str(path)]) == 0
    assert "trends" in capsys.readouterr().out


def test_the_time_of_computing_is_stated():
    found = assess_samples(read_samples(rows({"co": [1.0]}), "day.csv"), None, ["us-niosh"], now_us=60_000_000)
    assert {one.computed_at for one in found} == {to_rfc3339(60_000_000)}


@pytest.mark.check
def test_every_metric_is_documented_and_no_other():
    text = (Path(__file__).parents[2] / "docs" / "assess.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    further = {"wbgt_effective_120min_worst", "rest_min_per_hour_required", "mixture_index", "mean_1h_max"}
    of_limits = {name for name in get_args(Metric) if name not in MICROCLIMATE}
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == of_limits | further
