"""What law or convention says about leaving a dangerous place without being punished: dated data by country, with its source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from domain.yamltext import parse_yaml

EVERYWHERE = "*"


class Right(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clause in plain words. `seen`: what of it was read, and by whom it was told."""

    country: str
    text: str
    title: str
    edition: str
    clause: str
    seen: str
    status: Literal["verified", "unverified"]


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rights: list[Right]


@cache
def all_rights() -> Sequence[Right]:
    """Every entry, as the file has them."""
    source = resources.files("models.rights") / "rights.yaml"
    return parse_yaml(source.read_text(encoding="utf-8"), _File, source="models/rights/rights.yaml").rights


def rights_of(country: str) -> list[Right]:
    """The country's own clause first, then the convention's.

    >>> [right.clause for right in rights_of("VN")]
    ['Article 6, clause 1', 'Articles 13 and 19(f)']
    >>> [right.country for right in rights_of("KH")]
    ['*']
    """
    national = [right for right in all_rights() if right.country == country]
    return [*national, *(right for right in all_rights() if right.country == EVERYWHERE)]
