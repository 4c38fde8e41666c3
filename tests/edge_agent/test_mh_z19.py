"""MH-Z19: answers to points, and a stream that is never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quality import Reason
from edge_agent.drivers.mh_z19.codec import ABC_OFF, ABC_ON, READ_CO2, Answer, BadFrame, Scanner, checksum
from edge_agent.drivers.mh_z19.driver import MhZ19Options, MhZ19Protocol
from edge_agent.drivers.mh_z19.frames import BROKEN, ECHO, FRAMES, SENTINEL

GOOD = [bytes.fromhex(text) for text, _ in FRAMES]


def answer(ppm: int) -> bytes:
    body = b"\xff\x86" + ppm.to_bytes(2, "big") + b"\x41\x00\x00\x00"
    return body + bytes((checksum(body),))


def protocol(range_ppm: int = 5000, *, abc: bool = False) -> MhZ19Protocol:
    return MhZ19Protocol(MhZ19Options(id="co2-1", port="x", placement="p", range_ppm=range_ppm, abc=abc))  # type: ignore[arg-type]


def test_commands_are_the_manuals() -> None:
    assert READ_CO2.hex() == "ff0186000000000079"
    assert ABC_ON.hex() == "ff0179a000000000e6"
    assert ABC_OFF.hex() == "ff0179000000000086"


@pytest.mark.parametrize(("text", "ppm"), FRAMES)
def test_an_answer_gives_its_ppm(text: str, ppm: int) -> None:
    assert Scanner().feed(bytes.fromhex(text)) == [Answer(ppm)]


@given(st.lists(st.tuples(st.integers(1, 4999), st.binary(max_size=20)), min_size=1, max_size=8), st.integers(1, 30))
def test_garbage_between_answers_loses_no_good_answer_that_follows(parts: list[tuple[int, bytes]], chunk: int) -> None:
    stream = b"".join(garbage.replace(b"\xff", b"\xfe") + answer(ppm) for ppm, garbage in parts)
    scanner = Scanner()
    found = [item for start in range(0, len(stream), chunk) for item in scanner.feed(stream[start : start + chunk])]
    assert found == [Answer(ppm) for ppm, _ in parts]


@given(st.binary(max_size=100), st.integers(1, 4999))
def test_any_garbage_at_all_ends_with_the_last_of_three_answers(garbage: bytes, ppm: int) -> None:
    assert Scanner().feed(garbage + answer(ppm) * 3)[-1] == Answer(ppm)


def test_a_wrong_checksum_is_a_record_without_a_value() -> None:
    assert isinstance(Scanner().feed(bytes.fromhex(BROKEN))[0], BadFrame)
    first, second = protocol().feed(bytes.fromhex(BROKEN) + GOOD[0])
    assert (first[0].value, first[0].q, first[0].r) == (None, 1, (Reason.HW_FAILURE,))
    assert second[0].value == 544.0


def test_an_echo_of_another_command_is_no_reading() -> None:
    assert Scanner().feed(bytes.fromhex(ECHO) + GOOD[1]) == [Answer(1000)]


@pytest.mark.parametrize("frame", [bytes.fromhex(SENTINEL), answer(0xFFFF)])
def test_air_without_co2_is_no_value(frame: bytes) -> None:
    ((point,),) = protocol().feed(frame)
    assert (point.value, point.q, point.r) == (None, 1, (Reason.HW_FAILURE,))


def test_the_end_of_the_range_is_at_least_that() -> None:
    points = [protocol(2000).feed(answer(ppm))[0][0] for ppm in (1999, 2000, 2500)]
    assert [(point.value, point.q, point.r) for point in points] == [(1999.0, 4, ()), (2000.0, 3, (Reason.SATURATED,)), (2500.0, 3, (Reason.SATURATED,))]


def test_baseline_correction_is_off_unless_asked_for() -> None:
    assert protocol().greeting() == (ABC_OFF,)
    assert protocol(abc=True).greeting() == (ABC_ON,)
