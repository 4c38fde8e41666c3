"""What is not documented fails: settings, routes, rooms, decisions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from oshwatch.settings import DOCUMENTED, SECRETS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def table_rows(path: Path) -> list[list[str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.check
def test_every_setting_is_documented_and_no_other() -> None:
    documented = {re.findall(r"`(OSHWATCH_\w+)`", row[0])[0] for row in table_rows(DOCS / "settings.md")}
    assert documented == set(DOCUMENTED)


@pytest.mark.check
def test_secrets_are_said_to_be_files_too() -> None:
    marked = {re.findall(r"`(OSHWATCH_\w+)`", row[0])[0] for row in table_rows(DOCS / "settings.md") if "*or file*" in row[0]}
    assert marked == set(SECRETS)


@pytest.mark.check
def test_every_setting_named_in_a_document_or_configuration_exists() -> None:
    files = [
        *DOCS.rglob("*.md"),
        ROOT / "README.md",
        ROOT / "docker-compose.yml",
        *(ROOT / "firmware_configs").rglob("*.service"),
        *(ROOT / "firmware_configs").rglob("*Dockerfile"),
    ]
    known = set(DOCUMENTED) | {f"{name}_FILE" for name in SECRETS}
    named = {(path.name, name) for path in files for name in re.findall(r"OSHWATCH_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))}
    assert {(file, name) for file, name in named if name not in known} == set()


@pytest.mark.check
def test_every_room_stands_in_the_architecture() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert {room for room in rooms if f"[`{room}/`]({room})" not in text} == set()


@pytest.mark.check
def test_every_room_says_in_one_paragraph_what_it_may_import() -> None:
    for path in ROOT.glob("*/__init__.py"):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert "import" in said, path.parent.name
        assert "\n\n" not in said, path.parent.name


@pytest.mark.check
def test_decisions_are_numbered_without_a_hole_and_say_why() -> None:
    paths = sorted((DOCS / "decisions").glob("*.md"))
    assert [path.name[:4] for path in paths] == [f"{number:04d}" for number in range(1, len(paths) + 1)]
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} "), path.name
        assert "**Decision.**" in text, path.name
        assert "**Reason" in text or "**Measured" in text, path.name
        assert len(text.splitlines()) <= 40, f"{path.name}: more than one page"


@pytest.mark.check
def test_glossary_has_no_word_twice_and_one_sentence_each() -> None:
    rows = [line.strip("| ").split(" | ") for line in (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    entries = [row for row in rows if row[0] != "word"]
    words = [row[0] for row in entries]
    assert len(set(words)) == len(words)
    assert [row[0] for row in entries if not row[1].endswith(".") or ". " in row[1]] == []


@pytest.mark.check
def test_the_readme_is_one_screen_and_says_what_it_is_not() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 45
    assert "not a safety function" in text
    for command in ("make run", "make test"):
        assert command in text


def test_every_route_of_the_api_is_documented_and_no_other(tmp_path: Path) -> None:
    from console.api.answers import openapi
    from console.app import API, ConsoleContext, create_app
    from domain.clock import SystemClock
    from storage.records.engine import open_records
    from storage.timeseries.sqlite import SqliteTimeSeries

    engine, series = open_records(f"sqlite:///{tmp_path}/records.db"), SqliteTimeSeries(tmp_path / "series")
    published = openapi(create_app(ConsoleContext(engine=engine, timeseries=series, clock=SystemClock())))
    series.close()
    engine.dispose()
    routes = {f"{method.upper()} {path}" for path, methods in published["paths"].items() for method in methods}
    documented = {row[0].strip("`") for row in table_rows(DOCS / "api.md")}
    assert documented == routes | {f"GET {API}/openapi.json"}
