"""Time-weighted averages against the worked example of 29 CFR 1910.1000(d), and unit conversion against the pocket guide."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from pathlib import Path

import pytest

from models.airborne.twa import twa_8h
from models.airborne.units import mg_m3_from_ppm
from models.limits import in_force, load_profiles

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "exposure"
shared = pytest.mark.skipif(not FOLDER.exists(), reason="the shared vectors are not here")
DAY = date(2026, 11, 23)


def test_oshas_worked_example():
    assert float(twa_8h([150.0, 75.0, 50.0], [120.0, 120.0, 240.0])) == 81.25


@shared
def test_averages_and_conversions_of_the_shared_vectors():
    vectors = json.loads((FOLDER / "twa_vectors.json").read_text(encoding="utf-8"))
    case = vectors["osha_1910_1000_d_example"]
    hours, ppm = zip(*case["segments_h_ppm"], strict=True)
    assert float(twa_8h(ppm, [60.0 * hour for hour in hours])) == pytest.approx(case["twa8"])
    toluene = vectors["ppm_mgm3"]
    assert mg_m3_from_ppm(1.0, toluene["toluene"]["mw"] if "toluene" in toluene else 92.14) == pytest.approx(toluene["toluene_25C"]["1ppm"], rel=0.001)
    assert mg_m3_from_ppm(1.0, 92.14, 20.0) == pytest.approx(toluene["toluene_20C_EU"]["1ppm"], rel=0.001)


@shared
def test_every_shipped_chemical_limit_is_the_pocket_guides():
    """Each number of the profile stands in the institute's own text for that CAS number, with its kind and averaging time."""
    with (FOLDER / "niosh_npg_osha_pel_subset.csv").open(encoding="utf-8") as file:
        printed = {_agent(row): row["niosh_rel"].replace(",", "") for row in csv.DictReader(file)}
    profile, kinds = load_profiles()["us-niosh"], {"twa": "TWA", "stel_15min_max": "ST", "ceiling_max": "C"}
    checked = 0
    for limit in profile.limits:
        if limit.agent not in ("heat", "noise"):
            unit = "mg/m3" if limit.unit == "mg/m3" else "ppm"
            text = printed[limit.agent]
            numbers = re.findall(rf"\b{kinds[limit.metric]} <?([\d.]+) {unit}", text)
            assert limit.value in [float(number) for number in numbers], (limit.id, text)
            if limit.averaging in ("10min", "15min") and limit.metric == "ceiling_max":
                assert f"[{limit.averaging.removesuffix('min')}-minute]" in text, (limit.id, text)
            checked += 1
    assert checked > 50


@shared
def test_no_short_term_limit_or_ceiling_of_a_covered_substance_is_left_out():
    with (FOLDER / "niosh_npg_osha_pel_subset.csv").open(encoding="utf-8") as file:
        printed = {_agent(row): row["niosh_rel"] for row in csv.DictReader(file)}
    profile = load_profiles()["us-niosh"]
    for cas in {limit.agent for limit in profile.limits if limit.agent in printed}:
        metrics = {limit.metric for limit in in_force(profile, cas, DAY)}
        wanted = {metric for word, metric in (("TWA", "twa"), ("ST", "stel_15min_max"), ("C", "ceiling_max")) if re.search(rf"\b{word} <?[\d.]", printed[cas])}
        assert metrics == wanted, cas


def _agent(row: dict[str, str]) -> str:
    """The profile's name of a row: its CAS number without remarks; raw cotton dust has none."""
    return "dust:cotton" if row["name"].startswith("Cotton dust") else row["cas"].split(" ")[0]
