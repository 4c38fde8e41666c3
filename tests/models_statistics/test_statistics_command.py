"""`oshwatch statistics` as a program sees it: fields, exit codes, where bad input is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from oshwatch import cli

SEG1 = "24.7\n64.1\n13.8\n43.7\n19.9\n133\n32.1\n15\n53.7\n"
FIELDS = {"n", "n_censored", "gm", "gsd", "am", "x95", "utl95_70", "utl95_95", "exceedance", "en689", "bayes"}
BAYES = {"gm", "gsd", "am", "x95", "exceedance", "p_x95_over", "p_am_over", "band_probabilities", "band"}


@pytest.fixture
def run(tmp_path):
    def run(text, *options, oel="100"):
        file = tmp_path / "results.txt"
        file.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "oshwatch", "statistics", "--oel", oel, "--input", str(file), *options]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_personal_results_are_decided(run):
    done = run(SEG1, "--basis", "personal", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert set(found) >= FIELDS
    assert set(found["exceedance"]) == {"est", "lcl", "ucl"}
    assert set(found["bayes"]) == BAYES
    assert set(found["en689"]) == {"step", "ur", "ut", "decision", "reassess_months"}
    assert (found["n"], found["n_censored"], found["en689"]["decision"], found["bayes"]["band"]) == (9, 0, "non_compliant", 4)
    assert (found["gm"], found["exceedance"]["est"], found["bayes"]["p_x95_over"]) == pytest.approx((34.278, 0.07462, 0.7111), rel=1e-3)


def test_area_results_are_not_decided(run):
    found = json.loads(run(SEG1, "--json").stdout)
    assert found["en689"] is None
    assert found["bayes"]["band"] is None
    assert found["area"]["share_over"]["est"] == pytest.approx(1 / 9)
    assert "no compliance decision" in found["notes"][0]


def test_text_says_the_decision_and_what_it_rests_on(run):
    done = run(SEG1, "--basis", "personal")
    assert done.returncode == 0
    assert "EN 689: not compliant (statistical test, UR 1.442 against UT 2.035)" in done.stdout


@pytest.mark.parametrize("text", ["5\n", "<5\n" * 6, "1e-6\n1e9\n", "5\n5\n5\n"])
def test_every_number_in_the_answer_is_finite_json(tmp_path, capsys, text):
    file = tmp_path / "results.txt"
    file.write_text(text, encoding="utf-8")
    assert cli.run(["statistics", "--oel", "10", "--input", str(file), "--json", "--basis", "personal"]) == 0
    assert set(json.loads(capsys.readouterr().out, parse_constant=pytest.fail)) >= FIELDS


@pytest.mark.parametrize(
    ("text", "oel", "says"),
    [
        ("1\n-3\n", "100", "results.txt:2: "),
        ("# none\n", "100", "no result"),
        (SEG1, "0", "--oel"),
        (SEG1, "nan", "--oel"),
        (SEG1, "1e12", "results.txt:1: "),
        (SEG1, "x", "--oel"),
    ],
)
def test_bad_input_ends_with_2_and_says_where(run, text, oel, says):
    done = run(text, oel=oel)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_ends_with_2(tmp_path, capsys):
    assert cli.run(["statistics", "--oel", "1", "--input", str(tmp_path / "none.txt")]) == 2
    assert "none.txt: cannot be read" in capsys.readouterr().err
