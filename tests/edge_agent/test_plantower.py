"""Plantower: frames to points, and a stream that is never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quality import Reason
from edge_agent.drivers.base import Point
from edge_agent.drivers.plantower.codec import ACTIVE_MODE, BadFrame, Frame, Scanner, command
from edge_agent.drivers.plantower.driver import PlantowerOptions, PlantowerProtocol, channels
from edge_agent.drivers.plantower.frames import BROKEN, COMMAND_ACK, FRAMES, IDLE

GOOD = [bytes.fromhex(text) for text, *_ in FRAMES]


def protocol(model: str = "auto") -> PlantowerProtocol:
    return PlantowerProtocol(PlantowerOptions(id="dust-1", port="x", placement="cutting-1", model=model))  # type: ignore[arg-type]


def built(words: list[int]) -> bytes:
    body = b"\x42\x4d" + (2 * len(words) + 2).to_bytes(2, "big") + b"".join(word.to_bytes(2, "big") for word in words)
    return body + (sum(body) & 0xFFFF).to_bytes(2, "big")


@pytest.mark.parametrize(("text", "pm1", "pm2_5", "pm10"), FRAMES)
def test_a_frame_gives_the_atmospheric_words(text: str, pm1: int, pm2_5: int, pm10: int) -> None:
    (frame,) = Scanner().feed(bytes.fromhex(text))
    assert isinstance(frame, Frame)
    assert (frame.pm1_ugm3, frame.pm2_5_ugm3, frame.pm10_ugm3) == (pm1, pm2_5, pm10)


def test_the_mode_command_is_the_manuals() -> None:
    assert ACTIVE_MODE.hex() == "424de100010171"
    assert command(0xE4).hex() == "424de400000173"


def test_a_wrong_checksum_is_a_record_without_a_value_and_the_next_frame_is_read() -> None:
    first, second = protocol().feed(bytes.fromhex(BROKEN) + GOOD[1])
    assert [(point.value, point.q, point.r) for point in first] == [(None, 1, (Reason.HW_FAILURE,))] * 3
    assert [point.value for point in second] == [4.0, 8.0, 11.0]


@pytest.mark.parametrize("start", range(32))
def test_idle_frames_are_all_read_wherever_reading_begins(start: int) -> None:
    stream = bytes.fromhex(IDLE) * 20
    frames = [found for found in Scanner().feed(stream[start:]) if isinstance(found, Frame)]
    assert len(frames) == (20 if start == 0 else 19)


@given(st.lists(st.tuples(st.sampled_from(GOOD), st.binary(max_size=50)), min_size=1, max_size=8), st.integers(1, 64))
def test_garbage_between_frames_loses_no_good_frame_that_follows(parts: list[tuple[bytes, bytes]], chunk: int) -> None:
    # The header's bytes are kept out of the garbage: with them it could begin a frame of its own, which takes real bytes only if its checksum happens to be right.
    stream = b"".join(garbage.replace(b"\x42", b"\x43") + frame for frame, garbage in parts)
    scanner = Scanner()
    found = [item for start in range(0, len(stream), chunk) for item in scanner.feed(stream[start : start + chunk])]
    assert [item for item in found if isinstance(item, Frame)] == [Scanner().feed(frame)[0] for frame, _ in parts]


@given(st.binary(max_size=200), st.integers(0, len(GOOD) - 1))
def test_any_garbage_at_all_ends_with_the_last_of_three_frames(garbage: bytes, which: int) -> None:
    found = Scanner().feed(garbage + GOOD[which] * 3)
    assert isinstance(found[-1], Frame)
    assert found[-1] == Scanner().feed(GOOD[which])[0]


def test_a_frame_cut_short_costs_itself_only() -> None:
    found = Scanner().feed(GOOD[1][:20] + GOOD[1] + GOOD[2])
    assert [type(item) for item in found] == [BadFrame, Frame, Frame]


def test_the_answer_to_a_command_is_no_reading() -> None:
    assert Scanner().feed(bytes.fromhex(COMMAND_ACK)) == []
    assert len(Scanner().feed(bytes.fromhex(COMMAND_ACK) + GOOD[1])) == 1


def test_zero_is_a_value_and_the_sentinel_is_none() -> None:
    (zero,) = protocol().feed(bytes.fromhex(IDLE))
    assert [(point.value, point.q) for point in zero] == [(0.0, 4)] * 3
    (sentinel,) = protocol().feed(built([0, 0, 0, 0xFFFF, 8, 11] + [0] * 6 + [0x9700]))
    assert sentinel[0] == Point("cutting-1", "pm1", None, 1, (Reason.HW_FAILURE,))
    assert sentinel[1].value == 8.0


def test_over_the_range_is_kept_and_marked() -> None:
    (points,) = protocol().feed(built([0, 0, 0, 10, 999, 1001] + [0] * 6 + [0x9700]))
    assert [(point.value, point.q, point.r) for point in points] == [(10.0, 4, ()), (999.0, 4, ()), (1001.0, 3, (Reason.SATURATED,))]


def test_a_sensor_that_reports_an_error_is_probably_wrong() -> None:
    (points,) = protocol().feed(built([0, 0, 0, 10, 20, 30] + [0] * 6 + [0x9704]))
    assert {(point.q, point.r) for point in points} == {(2, (Reason.HW_FAILURE,))}


def test_models_with_more_say_more_only_when_named() -> None:
    assert len(protocol().feed(GOOD[3])[0]) == 3
    (points,) = protocol("pms5003st").feed(GOOD[3])
    assert [(point.quantity, point.value) for point in points[3:]] == [("air_temperature", 28.4), ("relative_humidity", 61.2)]
    (cold,) = protocol("pms5003t").feed(built([0] * 10 + [0xFFCE, 905, 0x9700]))
    assert cold[3].value == -5.0
    assert cold[4].value == 90.5
    assert channels(PlantowerOptions(id="d", port="x", placement="p", model="pms5003t"))[3:] == [("p", "air_temperature"), ("p", "relative_humidity")]
