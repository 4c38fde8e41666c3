"""`oshwatch calc` as a hygienist meets it: files in, files out, and one line with file and line for whatever is wrong."""

from __future__ import annotations

import csv
import importlib.util

import pytest

from models.calculator import FORMULAS
from oshwatch.cli import run


@pytest.fixture
def calc(capsys):
    def call(*arguments):
        code = run(["calc", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def table(tmp_path, calc):
    """Runs a formula over lines of CSV; gives the rows of the result."""

    def call(name, *lines, method=()):
        given, out = tmp_path / "given.csv", tmp_path / "out.csv"
        given.write_text("\n".join(lines) + "\n", encoding="utf-8")
        code, printed, error = calc(name, *method, "--input", given, "--out", out)
        assert (code, printed, error) == (0, "", "")
        with out.open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return call


@pytest.fixture
def refusal(tmp_path, calc):
    """The one line on stderr for a file that cannot be used."""

    def call(name, content, *options):
        given, out = tmp_path / "given.csv", tmp_path / "out.csv"
        given.write_bytes(content if isinstance(content, bytes) else content.encode())
        code, printed, error = calc(name, "--input", given, "--out", out, *options)
        assert (code, printed) == (2, "")
        assert error.count("\n") == 1
        assert not out.exists()
        return error

    return call


def test_a_table_comes_back_with_its_columns_its_results_and_a_note(table):
    (row,) = table("wbgt_indoor", "ta_c,rh_pct,tg_c,v_ms", "33,60,36,0.3")
    assert list(row) == ["ta_c", "rh_pct", "tg_c", "v_ms", "tnwb_c", "wbgt_c", "note"]
    assert float(row["wbgt_c"]) == pytest.approx(29.5, abs=0.05)
    assert (row["ta_c"], row["note"]) == ("33", "")


def test_columns_may_stand_in_any_order_and_an_id_goes_through(table):
    (row,) = table("niosh_rel", "id,metabolic_rate_w", "press line 3,300")
    assert row["id"] == "press line 3"
    assert float(row["limit_c"]) == pytest.approx(28.21, abs=0.01)


def test_a_method_is_chosen_by_name(table):
    lines = ("ta_c,rh_pct,tg_c,v_ms", "33,60,43,0.3")
    found = [float(table("wbgt_indoor", *lines, method=("--method", method))[0]["wbgt_c"]) for method in ("bernard", "wick")]
    assert found == pytest.approx([33.14, 32.71], abs=0.01)


def test_a_row_out_of_range_is_empty_with_its_reason_and_the_others_stand(table):
    first, second, third = table("wbgt_indoor", "ta_c,rh_pct,tg_c,v_ms", "33,60,36,0.3", "33,120,36,-1", "33,,36,0.3")
    assert first["wbgt_c"]
    assert not first["note"]
    assert (second["tnwb_c"], second["wbgt_c"]) == ("", "")
    assert "rh_pct 120 is outside 0 to 100" in second["note"]
    assert "v_ms -1 is outside" in second["note"]
    assert (third["wbgt_c"], third["note"]) == ("", "rh_pct is empty")


def test_an_optional_column_may_be_missing_or_empty_in_a_row(table):
    first, second = table("wbgt_indoor", "ta_c,rh_pct,tg_c,v_ms,tg_diameter_mm", "33,60,39.5,0.3,40", "33,60,39.5,0.3,")
    assert float(first["wbgt_c"]) - float(second["wbgt_c"]) > 0.6


def test_a_metabolic_rate_in_watts_a_square_metre_is_asked_about(table):
    (row,) = table("niosh_ral", "metabolic_rate_w", "93")
    assert row["limit_c"] == ""
    assert "is it in W/m²?" in row["note"]


def test_rows_of_one_label_belong_together(table):
    rows = table("lex_8h", "laeq_dba,duration_min,day", "88,240,mon", "80,480,tue", "88,240,mon")
    assert [float(row["day_lex_8h_dba"]) for row in rows] == pytest.approx([88.0, 80.0, 88.0])
    assert float(rows[0]["lex_8h_dba"]) == pytest.approx(84.99, abs=0.01)


def test_a_refused_row_leaves_no_total_of_its_group(table):
    good, bad, other = table("noise_dose_niosh", "level_dba,duration_min,day", "94,30,mon", "394,30,mon", "94,30,tue")
    assert good["day_dose_pct"] == ""
    assert good["note"] == "another row of this group is out of range"
    assert "level_dba 394" in bad["note"]
    assert other["day_dose_pct"]


def test_samples_under_and_over_what_the_instrument_sees_are_bounds(table):
    rows = table("twa", "concentration,duration_min,shift", "<0.5,240,a", "10,240,a", ">100,10,b")
    assert [(float(row["twa_low"]), float(row["twa_high"])) for row in rows[:2]] == [(5.0, 5.25)] * 2
    assert rows[2]["twa_high"] == "inf"
    assert float(rows[2]["twa_low"]) == pytest.approx(100 * 10 / 480)


@pytest.mark.parametrize(("rule", "expected"), [("sum_over_8h", 10.0), ("worst_8h", 10.0), ("shift_up_to_10h", 8.0)])
def test_an_average_follows_the_rule_that_the_limit_names(table, rule, expected):
    rows = table("twa", "concentration,duration_min,shift", "0,240,a", "10,480,a", method=("--method", rule))
    assert float(rows[0]["twa_low"]) == pytest.approx(expected)


def test_short_term_means_slide_over_the_minutes_of_a_shift(table):
    minutes = [f"{60 if 10 <= minute < 25 else 0},morning,40" for minute in range(40)]
    rows = table("stel", "concentration,shift,limit", *minutes)
    assert (rows[13]["mean_low"], rows[14]["mean_low"]) == ("", "20")
    assert float(rows[24]["mean_low"]) == 60.0
    assert {row["max_low"] for row in rows} == {"60"}
    assert {row["excursions"] for row in rows} == {"1"}


def test_a_mixture_behind_a_pid_may_show_too_much_and_never_enough(table):
    header = "reading_ppm,response_factor,ionisation_ev,limit_ppm,most_share,mixture"
    rows = table("pid_mixture", header, "50,0.5,8.82,100,1,a", "50,4.3,10.18,50,0.2,a", "500,0.5,8.82,100,1,b", "5,1,11.32,25,1,c")
    assert [row["may_say"] for row in rows] == ["nothing", "nothing", "exceeds", ""]
    assert "does not see" in rows[3]["note"]


def test_tasks_make_a_day_with_its_uncertainty(table):
    samples = ["70,1,90,60,120", *(f"{level},2,300,240,360" for level in (80.1, 82.2, 79.6)), *(f"{level},3,90,60,120" for level in (86.5, 92.4, 89.3, 93.2, 87.8, 86.2))]
    rows = table("lex_8h_tasks", "laeq_dba,task_no,task_min,shortest_min,longest_min,day", *(f"{sample},d" for sample in samples), method=("--method", "class1"))
    assert float(rows[0]["day_lex_8h_dba"]) == pytest.approx(84.3, abs=0.05)
    assert float(rows[0]["expanded_db"]) == pytest.approx(2.77, abs=0.01)
    assert rows[0]["note"] == "1 samples of at least 3"


def test_without_out_the_table_is_printed(calc, tmp_path):
    given = tmp_path / "given.csv"
    given.write_text("metabolic_rate_w\n300\n", encoding="utf-8")
    code, printed, _ = calc("niosh_rel", "--input", given)
    assert code == 0
    assert printed.splitlines()[0] == "metabolic_rate_w,limit_c,note"


SETS = {"land_mean", "robust_ros", "between_workers"}  # one result is no set


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - SETS - {"phs"}))
def test_the_example_of_every_formula_has_a_result(calc, name):
    code, printed, error = calc(name, *FORMULAS[name].example.split())
    assert (code, error) == (0, "")
    results = dict(line.split("=", 1) for line in printed.splitlines())
    assert set(results) - {"note"} == {output.name for output in FORMULAS[name].outputs}
    assert any(results[output.name] for output in FORMULAS[name].outputs)


@pytest.mark.parametrize("name", sorted(SETS))
def test_one_result_is_no_set_and_says_what_is_needed(calc, name):
    code, printed, _ = calc(name, *FORMULAS[name].example.split())
    assert code == 0
    assert " need" in printed.splitlines()[-1]


def test_lands_limits_hold_the_mean_of_a_group(table):
    rows = table("land_mean", "concentration,group", *(f"{value},a" for value in (1.3, 1.8, 1.2, 4.5, 2.0, 2.9)), "3,b")
    assert float(rows[0]["lcl95"]) < float(rows[0]["mean"]) < float(rows[0]["ucl95"])
    assert rows[0]["n"] == "6"
    assert "two results" in rows[6]["note"]


def test_regression_on_order_statistics_keeps_detects_and_replaces_the_rest(table):
    rows = table("robust_ros", "concentration", "28.9", "19.4", "<5.5", "149.9", "26.42", "56.1")
    assert [float(row["used"]) for row in rows] == pytest.approx([28.9, 19.4, 5.334, 149.9, 26.42, 56.1], abs=0.001)


def test_workers_who_differ_are_tested_each(table):
    results = zip([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], [1, 1.2, 8, 9, 2, 2.2, 5, 5.5, 30, 28], strict=True)
    rows = table("between_workers", "worker_no,concentration,limit", *(f"{worker},{value},20" for worker, value in results))
    assert rows[0]["individuals_comply"] == "yes"
    assert float(rows[0]["individual_exceedance"]) == pytest.approx(0.16, abs=0.01)


def test_the_factor_of_six_results_is_en_689s(table):
    rows = table("tolerance_factor", "n", "6", "10", "6.5")
    assert [float(row["factor"]) for row in rows[:2]] == pytest.approx([2.187, 2.005], abs=0.001)
    assert rows[2]["note"] == "n is no whole number"


def test_a_method_may_stand_before_or_after_the_values(calc):
    values = FORMULAS["wbgt_indoor"].example.split()
    assert calc("wbgt_indoor", *values, "--method", "wick") == calc("wbgt_indoor", "--method", "wick", *values)


@pytest.mark.skipif(importlib.util.find_spec("pythermalcomfort") is not None, reason="the extra is installed")
def test_strain_without_its_extra_says_what_to_install(calc):
    code, printed, error = calc("phs", *FORMULAS["phs"].example.split())
    assert (code, printed) == (2, "")
    assert "pip install 'oshwatch[phs]'" in error


def test_the_list_names_inputs_outputs_and_source_of_each(calc):
    code, printed, _ = calc("list")
    assert code == 0
    blocks = {block.splitlines()[0]: block for block in printed.strip().split("\n\n")}
    assert list(blocks) == list(FORMULAS)
    for name, formula in FORMULAS.items():
        for word in (*(column.name for column in formula.inputs), *(output.name for output in formula.outputs), formula.source):
            assert word in blocks[name]


def test_a_clock_without_an_offset_is_utc_as_the_columns_name_says(table):
    rows = table(
        "wbgt_outdoor",
        "time_utc,lat,lon,solar_w_m2,ta_c,rh_pct,pressure_hpa,v_2m_ms,urban",
        *(f"{time},1.35,103.82,742,32.1,68,1008,2.2,yes" for time in ("2024-04-15T06:00", "2024-04-15T06:00Z", "2024-04-15T14:00+08:00", "1713160800")),
    )
    assert len({row["wbgt_c"] for row in rows}) == 1


def test_sunlight_at_night_is_refused(table):
    (row,) = table("wbgt_outdoor", "time_utc,lat,lon,solar_w_m2,ta_c,rh_pct,v_2m_ms", "2024-04-15T18:00Z,1.35,103.82,742,32.1,68,2.2")
    assert row["wbgt_c"] == ""
    assert "check time_utc, lat and lon" in row["note"]


def test_an_unknown_formula_lists_what_exists(calc):
    code, _, error = calc("wbgt_indor", "ta_c=33")
    assert code == 2
    assert "did you mean wbgt_indoor?" in error
    assert all(name in error for name in FORMULAS)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("", "", "is empty"),
        ("\n\n", "", "is empty"),
        ("metabolic_rate_w\n", "", "no rows"),
        ("metabolic_rate_w\n300\nabc\n", ":3:", "'abc' is not a number"),
        ("metabolic_rate_w\n300\n\nnan\n", ":4:", "'nan' is not a number"),
        ("metabolic_rate_w\ninf\n", ":2:", "'inf' is not a number"),
        ('metabolic_rate_w\n"28,2"\n', ":2:", "the decimal sign is a point"),
        ("metabolic_rate_w\n300,5\n", ":2:", "2 cells for 1 columns"),
        ("metabolic_rate_kcal_h\n300\n", ":1:", "no column 'metabolic_rate_kcal_h'"),
        ("metabolic_rate_w,colour\n300,red\n", ":1:", "no column 'colour'"),
        ("metabolic_rate_w,metabolic_rate_w\n300,300\n", ":1:", "stands twice"),
        ("id\n7\n", ":1:", "missing: metabolic_rate_w"),
        ("metabolic_rate_w;id\n300;7\n", ":1:", "separated by commas"),
        ('metabolic_rate_w\n"300\n', "", "is no CSV"),
        (b"metabolic_rate_w\n\xff\xfe300\n", "", "is not UTF-8"),
    ],
    ids=["empty", "blank", "header only", "word", "nan", "inf", "decimal comma", "too many cells", "other unit", "extra", "double", "missing", "semicolons", "open quote", "bytes"],
)
def test_bad_input_is_named_with_file_and_line(refusal, content, line, said):
    error = refusal("niosh_rel", content)
    assert "given.csv" + line in error
    assert said in error


def test_a_word_that_is_no_choice_lists_the_choices(refusal):
    error = refusal("iso7243_reference", "metabolic_rate_w,acclimatised\n300,maybe\n")
    assert "given.csv:2: acclimatised: 'maybe' is none of no, yes" in error


def test_a_missing_file_is_named(calc, tmp_path):
    code, _, error = calc("niosh_rel", "--input", tmp_path / "nothing.csv")
    assert code == 2
    assert "nothing.csv: cannot be read" in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["niosh_rel"], "nothing to calculate"),
        (["niosh_rel", "300"], "no name=value"),
        (["niosh_rel", "metabolic_rate_w=300", "metabolic_rate_w=200"], "given twice"),
        (["niosh_rel", "metabolic_rate_w=x"], "metabolic_rate_w: 'x' is not a number"),
        (["niosh_rel", "metabolic_rate=300"], "did you mean metabolic_rate_w?"),
        (["niosh_rel", "metabolic_rate_w=300", "--method", "wick"], "one method only"),
        (["wbgt_indoor", "ta_c=33", "--method", "guess"], "one of bernard, wick"),
        (["niosh_rel", "metabolic_rate_w=300", "--input", "x.csv"], "not both"),
    ],
)
def test_a_wrong_use_says_what_to_do(calc, arguments, said):
    code, printed, error = calc(*arguments)
    assert (code, printed) == (2, "")
    assert error.count("\n") == 1
    assert said in error
