"""Catalogues: read from the .po files at start, chosen for each request, and brought up to date by `python -m console.i18n`."""

from __future__ import annotations

import gettext
import io
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOM = Path(__file__).parent
LOCALES = ROOM / "locales"
SOURCE = "en"
PSEUDO = "ar-XB"
"""A right-to-left locale that is no language: what it does not change on a page was never marked for translation."""

NOISE = tuple(f'"{field}:' for field in ("POT-Creation-Date", "PO-Revision-Date", "Report-Msgid-Bugs-To", "Last-Translator", "Language-Team", "Generated-By", "Project-Id-Version"))

log = logging.getLogger(__name__)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Marks a text for extraction where it cannot be translated yet."""
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """One language of the pages."""

    tag: str  # as in <html lang>
    name: str
    direction: str  # ltr | rtl
    babel: Any  # numbers and dates
    translations: gettext.NullTranslations

    def gettext(self, text: str) -> str:
        return self.translations.gettext(text) if text else ""


@cache
def load_catalogues(*, pseudo: bool = False) -> Mapping[str, Catalogue]:
    """English and every language that has a .po file; read once."""
    catalogues = {SOURCE: _catalogue(SOURCE, Locale.parse(SOURCE), gettext.NullTranslations())}
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/messages.po")):
        tag = path.parent.parent.name
        catalogues[tag] = _catalogue(tag, Locale.parse(tag), _translations(_read(path)))
    if pseudo:
        catalogues[PSEUDO] = _catalogue(PSEUDO, Locale.parse("ar", sep="-"), _translations(pseudo_catalogue()))
    return catalogues


def compile_catalogues() -> int:
    """Writes the .mo files beside the .po files, for tools that want them; the console itself reads the .po files. Returns how many."""
    paths = sorted(LOCALES.glob("*/LC_MESSAGES/messages.po"))
    for path in paths:
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, _read(path))
    return len(paths)


def negotiate(catalogues: Mapping[str, Catalogue], *, asked: str = "", user: str = "", accept: str = "") -> Catalogue:
    """What was asked for in the address, else the person's own, else the browser's, else English."""
    for wish in (asked, user, *_by_weight(accept)):
        for tag in (wish, wish.split("-")[0].split("_")[0]):
            if tag in catalogues:
                return catalogues[tag]
    return catalogues[SOURCE]


def pseudo_catalogue() -> Catalog:
    """Every message in Arabic-Indic brackets, with its placeholders left alone."""
    catalogue = Catalog(locale="ar")
    for message in _read(LOCALES / "messages.pot"):
        if message.id:
            ids = (message.id,) if isinstance(message.id, str) else message.id
            texts = [f"⟦{text}⟧" for text in ids]
            plurals = tuple(texts[min(index, len(texts) - 1)] for index in range(catalogue.num_plurals))
            catalogue.add(message.id, texts[0] if len(texts) == 1 else plurals)
    return catalogue


def extract() -> Catalog:
    """All messages of the room: its templates, its code, and the texts that other rooms hand to people."""
    found = Catalog(project="oshwatch", header_comment="# Texts of Oshwatch's pages.", fuzzy=False)
    methods = [("templates/**.html", "jinja2"), ("**.py", "python")]
    keywords = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
    options = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
    for file, _line, message, comments, _context in extract_from_dir(str(ROOM), methods, options, keywords=keywords, comment_tags=("SAFETY",)):
        found.add(message, None, [(f"console/{file}", 0)], auto_comments=comments)
    for text, comment in foreign_texts():
        found.add(text, None, auto_comments=[comment])
    return found


def foreign_texts() -> Iterable[tuple[str, str]]:
    """Texts that stand in other rooms' data and that a person reads here: the names of quantities, and what to do about an alert."""
    from console.words import message_texts, result_texts, safety_texts  # noqa: PLC0415 - words imports this module
    from domain.quantities import QUANTITIES  # noqa: PLC0415
    from models.limits.agents import AGENTS  # noqa: PLC0415
    from models.rights import all_rights  # noqa: PLC0415

    yield from ((right.text, "SAFETY: the right to leave, by law") for right in all_rights())
    yield from ((quantity.name, "name of a quantity") for quantity in QUANTITIES.values())
    yield from ((name, "name of a substance") for name in AGENTS.values())
    yield from ((text, "a sentence of a result; braces stay") for text in result_texts())
    yield from ((text, "a sentence of a message; braces stay") for text in message_texts())
    yield from ((text, "SAFETY: what people are told to do") for text in safety_texts())


def update() -> None:
    """Writes messages.pot and brings each .po up to date; what is new in it stays untranslated until somebody translates it."""
    template = extract()
    _write(LOCALES / "messages.pot", template)
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/messages.po")):
        catalogue = _read(path)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        _write(path, catalogue)
        missing = [message.id for message in catalogue if message.id and not message.string]
        log.info("%s: %d messages, %d without a translation", path.parent.parent.name, len(catalogue), len(missing))


def _catalogue(tag: str, babel: Any, translations: gettext.NullTranslations) -> Catalogue:
    return Catalogue(tag=tag, name=babel.display_name if tag != PSEUDO else "⟦pseudo⟧", direction=babel.text_direction, babel=babel, translations=translations)


def _translations(catalogue: Catalog) -> gettext.NullTranslations:
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    buffer.seek(0)
    return gettext.GNUTranslations(buffer)


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name if path.suffix == ".po" else None)


def _write(path: Path, catalogue: Catalog) -> None:
    """Without the header's dates and placeholders: a file changes only when a text does."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=160, no_location=True, sort_output=True)
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(NOISE)), encoding="utf-8")


def _by_weight(accept: str) -> list[str]:
    """Languages of an Accept-Language header, the best first."""
    weighted = []
    for part in accept.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        if tag and weight > 0:
            weighted.append((-weight, tag))
    return [tag for _, tag in sorted(weighted, key=lambda pair: pair[0])]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    update()
