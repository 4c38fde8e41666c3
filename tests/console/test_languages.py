"""Every text goes through a catalogue; the catalogues are complete and up to date."""

from __future__ import annotations

import html.parser
import re

import pytest
from babel.messages.pofile import read_po

from assess import texts
from console.i18n import LOCALES, PSEUDO, extract, load_catalogues, negotiate
from console.words import pattern_of, result_texts, sentence

PAGES = (
    "/sites/f1",
    "/zones/f1.ironing-1",
    "/zones/f1.cutting-a",
    "/zones/f1.ironing-1/records",
    "/sites/f1/monitoring-plan",
    "/verdicts/1",
    "/verdicts/4",
    "/alerts",
    "/sites",
    "/equipment",
)


def ids(catalogue) -> set:
    return {message.id for message in catalogue if message.id}


def test_the_template_holds_every_text_of_the_pages() -> None:
    with (LOCALES / "messages.pot").open("rb") as file:
        assert ids(read_po(file)) == ids(extract()), "run: python -m console.i18n"


@pytest.mark.parametrize("path", sorted(LOCALES.glob("*/LC_MESSAGES/messages.po")), ids=lambda path: path.parent.parent.name)
def test_a_language_has_every_text_and_keeps_its_placeholders(path) -> None:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parent.parent.name)
    assert ids(catalogue) == ids(extract())
    for message in catalogue:
        source = message.id[0] if isinstance(message.id, tuple) else message.id
        for text in message.string if isinstance(message.string, tuple) else (message.string,):
            if message.id:
                assert text, f"not translated: {source}"
                assert placeholders(text) == placeholders(source), source


def test_a_drafted_safety_text_says_that_no_speaker_has_checked_it() -> None:
    with (LOCALES / "vi" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        safety = [message for message in read_po(file, locale="vi") if any("SAFETY" in comment for comment in message.auto_comments)]
    assert len(safety) > 50
    assert all(any("unreviewed" in comment for comment in message.user_comments) for message in safety)


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|\{\w+\}", text))


class Texts(html.parser.HTMLParser):
    """What a person reads, but for names, numbers and units, which are marked translate="no"."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._stack: list[tuple[str, bool]] = []
        self._labels = ("aria-label", "placeholder", "title", "alt")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        silent = (
            (bool(self._stack) and self._stack[-1][1]) or held.get("translate") == "no" or tag in ("script", "style", "title") or held.get("aria-hidden") == "true" or tag == "svg"
        )
        if not silent:
            self.found += [value for name, value in attrs if name in self._labels and value]
        if tag not in self.VOID:
            self._stack.append((tag, silent))

    def handle_endtag(self, tag: str) -> None:
        while self._stack and self._stack.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not (self._stack and self._stack[-1][1]):
            self.found.append(data.strip())


@pytest.mark.parametrize("path", [*PAGES, "/login", "/password", "/nope"])
def test_no_text_of_a_page_escapes_translation(standing, path: str) -> None:
    who = None if path in ("/login", "/password") else "root"
    parser = Texts()
    parser.feed(standing.get(f"{path}?lang={PSEUDO}", who=who).text)
    left = [text for text in parser.found if re.search(r"[A-Za-z]{2}", re.sub(r"⟦[^⟧]*⟧", "", text))]
    assert left == []
    assert any("⟦" in text for text in parser.found)


def test_pages_of_a_right_to_left_language_run_from_right_to_left(standing) -> None:
    assert f'<html lang="{PSEUDO}" dir="rtl">' in standing.get(f"/sites/f1?lang={PSEUDO}").text


def test_vietnamese_is_chosen_by_the_browser_the_person_or_the_address(standing) -> None:
    assert "Dừng việc" in standing.get("/sites/f1", headers={"Accept-Language": "vi-VN,vi;q=0.9,en;q=0.8"}).text
    asked = standing.get("/sites/f1?lang=vi")
    assert (asked.headers["content-language"], "Dừng việc" in asked.text) == ("vi", True)
    assert "Stop work" in standing.get("/sites/f1?lang=en", headers={"Accept-Language": "vi"}).text
    catalogues = load_catalogues()
    assert negotiate(catalogues, user="vi", accept="en").tag == "vi"


@pytest.mark.parametrize(("accept", "tag"), [("", "en"), ("xx", "en"), ("fr, vi;q=0.5, en;q=0.1", "vi"), ("vi;q=0, en", "en"), ("vi;q=nonsense", "en"), (",;q=,", "en")])
def test_the_best_language_that_is_there_is_taken(accept: str, tag: str) -> None:
    assert negotiate(load_catalogues(), accept=accept).tag == tag


def test_a_results_sentence_is_translated_with_its_values_in_place() -> None:
    say = load_catalogues()["vi"].gettext
    assert sentence(texts.NO_FULL_WINDOW.format(minutes=60), say) == say(texts.NO_FULL_WINDOW).format(minutes=60)
    assert sentence(texts.LOW_COVERAGE, say) == say(texts.LOW_COVERAGE) != texts.LOW_COVERAGE
    assert sentence("something that nobody wrote", say) == "something that nobody wrote"


@pytest.mark.parametrize("template", sorted(set(result_texts())))
def test_every_sentence_of_a_result_is_known_again_with_its_values(template: str) -> None:
    """Each placeholder once, else no pattern can be made of it; and none is taken for another."""
    names = re.findall(r"\{(\w*)", template)
    assert len(names) == len(set(names))
    assert all(names)
    filled = template.format(**{name: f"{index}0.5" for index, name in enumerate(names, 1)})
    assert pattern_of(filled) == template
    assert sentence(filled, str) == filled
    for catalogue in load_catalogues().values():
        said = sentence(filled, catalogue.gettext)
        assert all(f"{index}0.5" in said for index, _ in enumerate(names, 1))
