"""How often a sample is due, as people write it in a monitoring plan: "every 6 months", "yearly", "2 times a year", "P12M", "6 tháng"."""

from __future__ import annotations

import re
import unicodedata

from domain.times import DAY_US

DAYS = {"day": 1, "week": 7, "month": 30.4375, "quarter": 91.3125, "year": 365.25}
"""Mean lengths; a result holds to the end of the day."""
_UNITS = {
    "d": "day",
    "day": "day",
    "days": "day",
    "ngày": "day",
    "w": "week",
    "week": "week",
    "weeks": "week",
    "tuần": "week",
    "m": "month",
    "month": "month",
    "months": "month",
    "tháng": "month",
    "quarter": "quarter",
    "quarters": "quarter",
    "quý": "quarter",
    "y": "year",
    "year": "year",
    "years": "year",
    "năm": "year",
}
_WORDS = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year", "annually": "year", "annual": "year"}
_TIMES = {"once": 1, "twice": 2, "one": 1, "two": 2, "three": 3, "four": 4}
_ISO = re.compile(r"p(\d+)([dwmy])")
_EVERY = re.compile(r"(?:(?:every|each|mỗi)\s+)?(?:(\d+)\s*)?([^\W\d_]+)(?:\s+(?:một lần|1 lần))?")
_A_YEAR = re.compile(r"(\w+)(?:\s+(?:times?|lần))?\s*(?:a|an|per|every|each|mỗi|một|/)\s*([^\W\d_]+)")


def every_us(text: str) -> int | None:
    """The time between two samples; None for words that say no time.

    >>> [round((every_us(text) or 0) / DAY_US) for text in ("every 6 months", "yearly", "twice a year", "P3M", "6 tháng", "when the glue changes")]
    [183, 365, 183, 91, 183, 0]
    """
    words = " ".join(unicodedata.normalize("NFC", text).lower().strip(" .").split())
    days = _days(words)
    return None if not days else round(days * DAY_US)


def _days(words: str) -> float | None:
    if words in _WORDS:
        return DAYS[_WORDS[words]]
    if found := _ISO.fullmatch(words):
        return int(found[1]) * DAYS[_UNITS[found[2]]]
    if (found := _EVERY.fullmatch(words)) and found[2] in _UNITS:
        return int(found[1] or 1) * DAYS[_UNITS[found[2]]]
    if (found := _A_YEAR.fullmatch(words)) and found[2] in _UNITS:
        times = _TIMES.get(found[1]) or (int(found[1]) if found[1].isdecimal() else 0)
        return DAYS[_UNITS[found[2]]] / times if times else None
    return None
