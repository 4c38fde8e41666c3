"""Every published vector is met by a test here, or it is said why this product has no such number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

VECTORS = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "vectors"
HERE = Path(__file__).resolve().parent

COMFORT = "an index of comfort or of weather, not of heat strain at work: none of the profiles has a limit for it"
OUTDOOR = "a step of another program's radiation budget of the open air; its WBGT is met as a whole"
INPUTS = "inputs, or the samples themselves, of results that are met"
NOT_OFFERED: dict[str, str] = {
    "exposure/webexpo_samples.json": INPUTS,
    "exposure/weighting_A_C_Z_nominal_thirdoctave.csv": "levels come weighted from the instrument: no spectrum reaches the centre",
    "heat/pythermalcomfort_tests/lu_romps_heat_index.csv": "the heat index here is the one of the National Weather Service, which the proposed rule names",
    "heat/thermofeel/at.csv": COMFORT,
    "heat/thermofeel/bgt.csv": OUTDOOR,
    "heat/thermofeel/ens.csv": OUTDOOR,
    "heat/thermofeel/es.csv": "saturation by another formula; ours is held against steam tables",
    "heat/thermofeel/es_multiphase.csv": "vapour over ice",
    "heat/thermofeel/heat_force.csv": COMFORT,
    "heat/thermofeel/heatindex.csv": "the simplified heat index, which leaves the adjustments out; the adjusted one is met",
    "heat/thermofeel/humidex.csv": COMFORT,
    "heat/thermofeel/mrt_from_bgt.csv": OUTDOOR,
    "heat/thermofeel/mrtr.csv": OUTDOOR,
    "heat/thermofeel/mrtw.csv": OUTDOOR,
    "heat/thermofeel/net.csv": COMFORT,
    "heat/thermofeel/rh.csv": INPUTS,
    "heat/thermofeel/utci.csv": COMFORT,
    "heat/thermofeel/va_scaled.csv": OUTDOOR,
    "heat/thermofeel/wbgt.csv": "takes the psychrometric wet bulb for the natural one, which reads low: not offered",
    "heat/thermofeel/wbgts.csv": "the approximation without radiation and wind, which reads 2 to 6 K high in rooms: not offered",
    "heat/thermofeel/windchill.csv": COMFORT,
    "heat/validation-data-comfort-models/ts_at.json": COMFORT,
    "heat/validation-data-comfort-models/ts_discomfort_index.json": COMFORT,
    "heat/validation-data-comfort-models/ts_humidex.json": COMFORT,
    "heat/validation-data-comfort-models/ts_net.json": COMFORT,
    "heat/validation-data-comfort-models/ts_phs.json": "ISO 7933:2004; the edition of 2023 is offered, and its own annex is met",
    "heat/validation-data-comfort-models/ts_pmv_ppd.json": COMFORT,
    "heat/validation-data-comfort-models/ts_two_nodes_gagge.json": COMFORT,
    "heat/validation-data-comfort-models/ts_use_fans_heatwaves.json": COMFORT,
    "heat/validation-data-comfort-models/ts_utci.json": COMFORT,
}


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors are not here")
def test_no_vector_file_is_passed_over() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in HERE.rglob("test_*.py") if path != Path(__file__).resolve())
    files = {str(path.relative_to(VECTORS)) for path in VECTORS.rglob("*") if path.suffix in (".csv", ".json")}
    met = {file for file in files if re.search(rf"(?<![\w.-]){re.escape(Path(file).name)}", tests)}
    assert files - met - NOT_OFFERED.keys() == set()
    assert not NOT_OFFERED.keys() & met
    assert NOT_OFFERED.keys() <= files
