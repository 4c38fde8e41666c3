"""Register maps: which reads they make, and what a register's words mean."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.quality import Reason
from edge_agent.drivers.modbus.profile import Profile, Register, blocks, decode, load_profile, shipped_profiles


def register(**fields: object) -> Register:
    return Register(**{"quantity": "air_temperature", "address": 0, "type": "s16", **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "words", "value"),
    [
        ({"type": "s16", "scale": 0.1}, [287], 28.7),
        ({"type": "s16", "scale": 0.1}, [0xFFCE], -5.0),
        ({"type": "u16", "scale": 0.1}, [0xFFCE], 6548.6),
        ({"type": "u32", "word_order": "big"}, [0x0001, 0x0002], 65538.0),
        ({"type": "s32", "word_order": "little"}, [0xFFFE, 0xFFFF], -2.0),
        ({"type": "f32", "word_order": "little"}, [0x7AE1, 0x41F4], 30.56),
        ({"type": "f32", "word_order": "big"}, [0x41F4, 0x7AE1], 30.56),
        ({"type": "u16", "scale": 0.5, "offset": -40.0}, [161], 40.5),
    ],
)
def test_words_become_the_value(fields: dict[str, object], words: list[int], value: float) -> None:
    point = decode(register(**fields), words, "p")
    assert point.value == pytest.approx(value, abs=1e-6)
    assert (point.placement, point.quantity, point.q, point.r) == ("p", "air_temperature", 4, ())


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(["big", "little"]))
def test_every_float_comes_through_either_word_order(value: float, order: str) -> None:
    words = list(struct.unpack(">HH", struct.pack(">f", value)))
    assert decode(register(type="f32", word_order=order), words if order == "big" else words[::-1], "p").value == value


@given(st.integers(-32768, 32767))
def test_tenths_read_as_people_write_them(raw: int) -> None:
    assert decode(register(scale=0.1), [raw & 0xFFFF], "p").value == float(f"{raw}e-1")


def test_sentinels_and_what_is_no_number_have_no_value() -> None:
    missing = [
        decode(register(invalid=[0x7FFF, 0x8000]), [0x8000], "p"),
        decode(register(invalid=[-1]), [0xFFFF], "p"),
        decode(register(type="f32"), [0x7FC0, 0], "p"),
        decode(register(type="f32"), [0x7F80, 0], "p"),
    ]
    assert [(point.value, point.q, point.r) for point in missing] == [(None, 1, (Reason.HW_FAILURE,))] * 4


def test_out_of_range_is_kept_with_its_reason() -> None:
    ranged = register(type="u16", scale=0.1, min=20, max=140)
    assert [(point.value, point.q, point.r) for point in (decode(ranged, [raw], "p") for raw in (199, 200, 1400, 1401))] == [
        (19.9, 1, (Reason.UNDER_RANGE,)),
        (20.0, 4, ()),
        (140.0, 4, ()),
        (140.1, 3, (Reason.SATURATED,)),
    ]


def test_neighbours_are_read_together_and_holes_are_not_read() -> None:
    registers = [
        Register(quantity=name, address=address, type=kind)  # type: ignore[arg-type]
        for name, address, kind in (("co", 10, "u16"), ("co2", 0, "f32"), ("o3", 2, "u16"), ("no2", 4, "u16"))
    ]
    assert [(block.start, block.count) for block in blocks(Profile(version=1, source="x", function=3, registers=registers))] == [(0, 3), (4, 1), (10, 1)]


def test_a_block_is_never_longer_than_the_device_takes() -> None:
    names = ["co", "co2", "o3", "no2", "so2"]
    registers = [Register(quantity=name, address=1 + 2 * at, type="f32") for at, name in enumerate(names)]
    found = blocks(Profile(version=1, source="x", function=4, address_base=1, max_block=4, registers=registers))
    assert [(block.start, block.count) for block in found] == [(0, 4), (4, 4), (8, 2)]
    assert [register.quantity for block in found for register in block.registers] == names


def test_shipped_profiles_load_and_name_their_source(tmp_path: Path) -> None:
    quantities = {name: [register.quantity for register in load_profile(name, tmp_path).registers] for name in shipped_profiles()}
    assert quantities == {
        "heat-station": ["air_temperature", "relative_humidity", "globe_temperature", "air_speed"],
        "pid": ["tvoc_isobutylene"],
        "sound-level-meter": ["sound_level_a_eq", "sound_level_c_peak"],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  - {quantity: warmth, address: 0, type: s16}", "6: registers[0].quantity: 'warmth' is no quantity"),
        ("  - {quantity: co2, address: 0, type: u8}", "6: registers[0].type:"),
        ("  - {quantity: co2, address: 0, type: u16}", "6: registers[0].address: no such address"),
        ("  - {quantity: co2, address: 1, type: u16}\n  - {quantity: co2, address: 2, type: u16}", "7: registers[1].quantity: 'co2' is given twice"),
    ],
)
def test_a_bad_map_is_refused_with_file_line_and_field(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "probe.yaml"
    path.write_text(f"version: 1\nsource: mine\nfunction: 3\naddress_base: 1\nregisters:\n{line}\n")
    with pytest.raises(BadInput) as refused:
        load_profile("./probe.yaml", tmp_path)
    assert str(refused.value).startswith(f"{path}:{message}")


def test_an_unknown_profile_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="heat-station, pid, sound-level-meter"):
        load_profile("warmth", tmp_path)
