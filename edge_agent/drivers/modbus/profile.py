"""Register maps as data: which quantity stands where, and how a register becomes a value. Pure but for `load`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from domain.errors import BadInput
from domain.quality import Quality, Reason
from domain.quantities import quantity_of
from domain.yamltext import line_of, parse_yaml
from edge_agent.drivers.base import Point

SHIPPED = Path(__file__).parent / "profiles"

_WIDTH = {"s16": 1, "u16": 1, "s32": 2, "u32": 2, "f32": 2}
_FORMAT = {"s16": ">h", "u16": ">H", "s32": ">i", "u32": ">I", "f32": ">f"}


Scale = Annotated[float, msgspec.Meta(gt=0)]


class Register(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quantity. value = raw × scale + offset; a raw value in `invalid` is the device's word for "no value"; outside min..max it is out of range."""

    quantity: str
    address: Annotated[int, msgspec.Meta(ge=0, le=65_536)]
    type: Literal["s16", "u16", "s32", "u32", "f32"]
    word_order: Literal["big", "little"] = "big"
    scale: Scale = 1.0
    offset: float = 0.0
    invalid: list[int] = []
    min: float | None = None
    max: float | None = None

    @property
    def width(self) -> int:
        return _WIDTH[self.type]


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A register map; `source` names the document that it was taken from."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    source: Annotated[str, msgspec.Meta(min_length=1)]
    function: Literal[3, 4]
    address_base: Literal[0, 1] = 0
    max_block: Annotated[int, msgspec.Meta(ge=2, le=125)] = 16
    registers: Annotated[list[Register], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring registers that are read at once; `start` is the address on the wire."""

    start: int
    count: int
    registers: tuple[Register, ...]


def shipped_profiles() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_profile(name: str, folder: Path) -> Profile:
    """A shipped profile by name, or a file relative to `folder`; raises BadInput."""
    path = folder / name if name.endswith((".yaml", ".yml")) or "/" in name else SHIPPED / f"{name}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(f"there is no profile '{name}'", remedy=f"shipped are {', '.join(shipped_profiles())}; a file of your own is written ./my-probe.yaml") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the profile cannot be read: {error}", source=str(path)) from None
    profile = parse_yaml(text, Profile, source=str(path))
    _check(profile, text, str(path))
    return profile


def _check(profile: Profile, text: str, source: str) -> None:
    seen: set[str] = set()
    for index, register in enumerate(profile.registers):
        field = f"registers[{index}]"
        line = line_of(text, "registers", index)
        if quantity_of(register.quantity) is None:
            raise BadInput(f"'{register.quantity}' is no quantity", source=source, line=line, field=f"{field}.quantity", remedy="see domain/quantities.py")
        if register.quantity in seen:
            raise BadInput(f"'{register.quantity}' is given twice", source=source, line=line, field=f"{field}.quantity", remedy="a placement has a quantity once")
        if register.address < profile.address_base or register.address - profile.address_base + register.width > 65_536:
            raise BadInput("no such address", source=source, line=line, field=f"{field}.address", remedy=f"from {profile.address_base} on, because of address_base")
        seen.add(register.quantity)


def blocks(profile: Profile) -> list[Block]:
    """The fewest reads of at most `max_block` registers; only true neighbours are joined, since devices refuse addresses that they do not have."""
    merged: list[Block] = []
    for register in sorted(profile.registers, key=lambda register: register.address):
        start = register.address - profile.address_base
        last = merged[-1] if merged else None
        if last is not None and start <= last.start + last.count and start + register.width - last.start <= profile.max_block:
            merged[-1] = Block(last.start, max(last.count, start + register.width - last.start), (*last.registers, register))
        else:
            merged.append(Block(start, register.width, (register,)))
    return merged


def decode(register: Register, words: list[int], placement: str) -> Point:
    """The point in the register's words, in the order in which they came."""
    ordered = words if register.word_order == "big" else words[::-1]
    data = struct.pack(f">{len(ordered)}H", *ordered)
    raw = struct.unpack(_FORMAT[register.type], data)[0]
    bits = int.from_bytes(data, "big")
    if bits in register.invalid or raw in register.invalid or raw != raw or raw in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN differs from itself
        return Point(placement, register.quantity, None, Quality.REJECTED, (Reason.HW_FAILURE,))
    value = _scaled(raw, register.scale) + register.offset
    if register.max is not None and value > register.max:
        return Point(placement, register.quantity, value, Quality.SUSPICIOUS, (Reason.SATURATED,))
    if register.min is not None and value < register.min:
        return Point(placement, register.quantity, value, Quality.REJECTED, (Reason.UNDER_RANGE,))
    return Point(placement, register.quantity, value)


def _scaled(raw: float, scale: float) -> float:
    """raw × scale; a tenth is divided by ten, so that 253 becomes 25.3 and not 25.300000000000001.

    >>> _scaled(3, 0.1), 3 * 0.1
    (0.3, 0.30000000000000004)
    """
    inverse = round(1 / scale) if 0 < abs(scale) < 1 else 0
    return raw / inverse if inverse and abs(inverse * scale - 1) < 1e-12 else raw * scale
