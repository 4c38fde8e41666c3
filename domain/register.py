"""The register of hazardous substances and of waste: what is kept, where it is used, and whose safety data sheet says so. Nobody is named."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Literal

import msgspec

from domain.errors import BadInput
from domain.quantities import is_cas

Unit = Literal["kg", "g", "l", "ml", "m3", "t", "pieces"]
UNITS: tuple[Unit, ...] = ("kg", "g", "l", "ml", "m3", "t", "pieces")
TEXT_MAX = 200
MIXTURE_MAX = 50
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Component(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One substance of a product; shares are fractions of the vapour, the response factor that of the lamp in use."""

    cas: str
    name: str = ""
    least_share: float = 0.0
    most_share: float = 1.0
    response_factor: float | None = None


class SubstanceFields(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A substance or a product as it stands in the register."""

    name: str
    cas: str = ""  # empty: a product, with its components in `mixture`
    supplier: str = ""
    sds_date: str = ""
    sds_sha256: str = ""
    amount: float | None = None
    unit: Unit = "kg"
    storage: str = ""
    zones: list[str] = []  # site.zone, where it is used
    mixture: list[Component] = []


class Substance(SubstanceFields, frozen=True, kw_only=True, omit_defaults=True):
    id: str

    @property
    def numbers(self) -> list[str]:
        """CAS numbers of what it is or holds."""
        return list(dict.fromkeys([*([self.cas] if self.cas else []), *(one.cas for one in self.mixture)]))


class WasteFields(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Hazardous waste that waits to be taken away."""

    kind: str
    amount: float | None = None
    unit: Unit = "kg"
    container: str = ""
    storage: str = ""
    zones: list[str] = []  # site.zone, where it arises
    last_pick_up: str = ""
    taken_by: str = ""  # an organisation


class Waste(WasteFields, frozen=True, kw_only=True, omit_defaults=True):
    id: str


def check_substance(one: SubstanceFields, today: date) -> None:
    """Raises `BadInput` by its field for what cannot be."""
    _texts(one, ("name", "supplier", "storage"), needed=("name",))
    if not one.cas and not one.mixture:
        raise BadInput("names no substance", field="cas", remedy="a CAS number, or the components of the product in `mixture`")
    if one.cas:
        _cas(one.cas, "cas")
    if one.sds_sha256 and not _SHA256.fullmatch(one.sds_sha256):
        raise BadInput("is no SHA-256", field="sds_sha256", remedy="64 lower-case hexadecimal digits")
    _day(one.sds_date, "sds_date", today)
    _amount(one.amount)
    _mixture(one.mixture)


def check_waste(one: WasteFields, today: date) -> None:
    """Raises `BadInput` by its field for what cannot be."""
    _texts(one, ("kind", "container", "storage", "taken_by"), needed=("kind",))
    _day(one.last_pick_up, "last_pick_up", today)
    _amount(one.amount)
    if one.taken_by and not one.last_pick_up:
        raise BadInput("has no date", field="last_pick_up", remedy="the day on which it was taken away")


def _mixture(components: list[Component]) -> None:
    if len(components) > MIXTURE_MAX:
        raise BadInput(f"has {len(components)} components", field="mixture", remedy=f"at most {MIXTURE_MAX}")
    for number, one in enumerate(components):
        where = f"mixture[{number}]"
        _cas(one.cas, f"{where}.cas")
        if one.cas in {before.cas for before in components[:number]}:
            raise BadInput("is there twice", field=f"{where}.cas", remedy="each component once")
        if not 0.0 <= one.least_share <= one.most_share <= 1.0:
            raise BadInput("is no range of shares", field=f"{where}.most_share", remedy="fractions, 0 to 1, the least not over the most")
        if one.response_factor is not None and not 0.0 < one.response_factor < math.inf:
            raise BadInput("cannot be", field=f"{where}.response_factor", remedy="a number greater than 0, of the lamp in use")
    if components and (sum(one.least_share for one in components) > 1.0 + 1e-9 or sum(one.most_share for one in components) < 1.0 - 1e-9):
        raise BadInput("does not add up to a whole", field="mixture", remedy="the least shares come to no more than 1, the most to no less")


def _cas(text: str, field: str) -> None:
    if not is_cas(text):
        raise BadInput(f"'{text}' is no CAS number: its check digit or form is wrong", field=field, remedy="such as 108-88-3, from the safety data sheet")


def _texts(one: msgspec.Struct, names: tuple[str, ...], *, needed: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(one, name).strip()
        if len(value) > TEXT_MAX:
            raise BadInput("is too long", field=name, remedy=f"at most {TEXT_MAX} characters")
        if name in needed and not value:
            raise BadInput("is empty", field=name, remedy="say what it is")


def _day(text: str, field: str, today: date) -> None:
    if not text:
        return
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"'{text}' is no date", field=field, remedy="such as 2026-11-01") from None
    if day > today:
        raise BadInput("lies in the future", field=field, remedy="the date on the document")


def _amount(amount: float | None) -> None:
    if amount is not None and not 0.0 <= amount < math.inf:
        raise BadInput(f"{amount:g} cannot be", field="amount", remedy="0 or more")
