"""The data pack of contract 3.1: what is taken, and the name of every refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quality import Reason
from domain.reading import Reading
from domain.senml import MAX_PACK_BYTES, PackRefused, Refusal, decode_pack, encode_pack

T = 1_763_800_000.25
BASE = {"bn": "agent-7/", "bt": T, "boot": "b3f1", "seq": 4711, "sync": True}
TEMPERATURE = {"n": "ironing-1/air_temperature", "u": "Cel", "v": 33.4}


def pack(*records: dict[str, Any], **base: Any) -> bytes:
    first = {**BASE, **base, **(records[0] if records else {})}
    return json.dumps([first, *records[1:]]).encode()


def refusal_of(payload: bytes) -> Refusal:
    with pytest.raises(PackRefused) as caught:
        decode_pack(payload, "agent-7")
    return caught.value.refusal


def test_the_contracts_example_is_read() -> None:
    payload = (
        b'[{"bn":"agent-7/","bt":1763800000.25,"boot":"b3f1","seq":4711,"sync":true,"n":"ironing-1/air_temperature","u":"Cel","v":33.4},'
        b'{"n":"ironing-1/relative_humidity","u":"%RH","v":61.2},{"n":"ironing-1/sound_level_a_eq","u":"dB","v":84.1,"t":-1,"q":3,"r":[10]}]'
    )
    read = decode_pack(payload, "agent-7")
    assert (read.agent, read.boot, read.seq, read.sync, read.refused) == ("agent-7", "b3f1", 4711, True, [])
    assert read.readings == [
        Reading("agent-7.ironing-1.air_temperature", 1_763_800_000_250_000, 33.4),
        Reading("agent-7.ironing-1.relative_humidity", 1_763_800_000_250_000, 61.2),
        Reading("agent-7.ironing-1.sound_level_a_eq", 1_763_799_999_250_000, 84.1, 3, (10,)),
    ]


@given(
    st.lists(
        st.builds(
            Reading,
            st.sampled_from(["agent-7.a.co2", "agent-7.b-1.air_temperature", "agent-7.b_2.sound_level_a_eq"]),
            st.integers(1_700_000_000_000_000, 1_800_000_000_000_000),
            st.floats(40, 80).map(lambda value: round(value, 3)),
            st.sampled_from([3, 4]),
            st.sampled_from([(), (10,), (131, 132)]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_what_is_encoded_is_decoded_to_the_microsecond(readings: list[Reading]) -> None:
    assert decode_pack(encode_pack("agent-7", "b", 0, True, readings), "agent-7").readings == readings


@pytest.mark.parametrize(
    ("payload", "refusal"),
    [
        (b"", Refusal.EMPTY),
        (b"  ", Refusal.EMPTY),
        (b"[]", Refusal.EMPTY),
        (b"\xff\xfe", Refusal.NOT_JSON),
        (b"[{]", Refusal.NOT_JSON),
        (b'{"bn":"agent-7/"}', Refusal.NOT_A_PACK),
        (b'[1, 2]', Refusal.NOT_A_PACK),
        (b"[" + b" " * MAX_PACK_BYTES + b"]", Refusal.TOO_LARGE),
        (pack(TEMPERATURE, bn="agent-8/"), Refusal.IDENTITY_CONFLICT),
        (pack(TEMPERATURE, TEMPERATURE | {"bn": "agent-7/"}), Refusal.IDENTITY_CONFLICT),
        (pack(TEMPERATURE, TEMPERATURE | {"seq": 4}), Refusal.IDENTITY_CONFLICT),
        (pack(TEMPERATURE, seq=-1), Refusal.NOT_A_PACK),
        (pack(TEMPERATURE, boot=""), Refusal.NOT_A_PACK),
        (pack(TEMPERATURE, seq="4711"), Refusal.WRONG_TYPE),
        (pack(TEMPERATURE, bu="Cel"), Refusal.UNSUPPORTED),
        (pack(TEMPERATURE, bv=3), Refusal.UNSUPPORTED),
        (pack(TEMPERATURE, must_=3), Refusal.UNSUPPORTED),
        (pack(TEMPERATURE, TEMPERATURE | {"v": float("nan")}), Refusal.NOT_JSON),
        (pack(*[{"n": "a/co2", "u": "ppm"}] * 1_001), Refusal.TOO_MANY_RECORDS),
    ],
)  # fmt: skip
def test_a_pack_that_cannot_be_trusted_is_refused_whole(payload: bytes, refusal: Refusal) -> None:
    assert refusal_of(payload) is refusal


@pytest.mark.parametrize(
    ("record", "refusal"),
    [
        ({"n": "ironing-1/air_temperature", "u": "K", "v": 306.5}, Refusal.WRONG_UNIT),
        ({"n": "ironing-1/air_temperature", "v": 30}, Refusal.WRONG_UNIT),
        ({"n": "ironing-1/mood", "u": "1", "v": 3}, Refusal.UNKNOWN_QUANTITY),
        ({"n": "Ironing 1/co2", "u": "ppm", "v": 3}, Refusal.BAD_NAME),
        ({"n": "co2", "u": "ppm", "v": 3}, Refusal.BAD_NAME),
        ({"n": "a/co2", "u": "ppm", "v": "3"}, Refusal.WRONG_TYPE),
        ({"n": "a/co2", "u": "ppm", "v": True}, Refusal.WRONG_TYPE),
        ({"n": "a/co2", "u": "ppm", "v": 3, "q": 5}, Refusal.WRONG_TYPE),
        ({"n": "a/co2", "u": "ppm", "vs": "much"}, Refusal.UNSUPPORTED),
        ({"n": "a/co2", "u": "ppm", "s": 3}, Refusal.UNSUPPORTED),
        ({"n": "a/co2", "u": "ppm"}, Refusal.NO_VALUE),
        ({"n": "a/co2", "u": "ppm", "v": 3, "t": -1.7e9}, Refusal.RELATIVE_TIME),
        ({"n": "a/co2", "u": "ppm", "v": 3, "t": 1e12}, Refusal.FUTURE_TIME),
        ({"n": "a/air_temperature", "u": "Cel", "v": -1000.99}, Refusal.IMPLAUSIBLE),
    ],
)
def test_a_record_that_cannot_be_accepted_is_refused_alone(record: dict[str, Any], refusal: Refusal) -> None:
    read = decode_pack(pack(TEMPERATURE, record, TEMPERATURE | {"t": 1}), "agent-7")
    assert [refused.refusal for refused in read.refused] == [refusal]
    assert [reading.value for reading in read.readings] == [33.4, 33.4]


def test_a_bad_first_record_keeps_the_base_for_the_others() -> None:
    read = decode_pack(pack({"n": "a/co2", "u": "ppm", "v": "x"}, TEMPERATURE), "agent-7")
    assert [refused.refusal for refused in read.refused] == [Refusal.WRONG_TYPE]
    assert [reading.value for reading in read.readings] == [33.4]


@pytest.mark.parametrize("position", [0, 1])
def test_a_number_that_no_float_can_hold_is_named_and_the_rest_is_kept(position: int) -> None:
    records = [pack(TEMPERATURE)[1:-1], b'{"n":"a/air_temperature","u":"Cel","v":20,"t":1}']
    records[position] = records[position].replace((b"33.4", b"20")[position], b"1e999")
    read = decode_pack(b"[" + b",".join(records) + b"]", "agent-7")
    assert [refused.refusal for refused in read.refused] == [Refusal.NOT_FINITE]
    assert [reading.value for reading in read.readings] == [(20.0, 33.4)[position]]


def test_a_base_time_that_no_float_can_hold_refuses_the_pack_by_its_name() -> None:
    with pytest.raises(PackRefused) as refused:
        decode_pack(pack(TEMPERATURE, bt=17).replace(b'"bt":17', b'"bt":1e999').replace(b'"bt": 17', b'"bt": 1e999'), "agent-7")
    assert (refused.value.refusal, refused.value.detail) == (Refusal.NOT_FINITE, "'bt' in record 0 is not a finite number")


def test_fields_of_others_are_ignored_as_the_rfc_says() -> None:
    assert decode_pack(pack(TEMPERATURE | {"vendor": 1}), "agent-7").readings[0].value == 33.4


def test_a_value_over_the_range_is_at_least_the_range_end_and_never_refused() -> None:
    reading = decode_pack(pack({"n": "a/co", "u": "ppm", "v": 9_999}), "agent-7").readings[0]
    assert (reading.value, reading.q, Reason.SATURATED in reading.r, reading.counts) == (9_999, 3, True, True)


def test_an_unreadable_sensor_is_a_record_without_value() -> None:
    reading = decode_pack(pack({"n": "a/co", "q": 1, "r": [12]}), "agent-7").readings[0]
    assert (reading.value, reading.q, reading.r, reading.counts) == (None, 1, (12,), False)


@pytest.mark.parametrize("sync", [False, None])
def test_a_pack_without_a_synchronised_clock_counts_in_no_window(sync: bool | None) -> None:
    base = {"sync": sync} if sync is not None else {}
    payload = json.dumps([{**{key: value for key, value in BASE.items() if key != "sync"}, **base, **TEMPERATURE}]).encode()
    reading = decode_pack(payload, "agent-7").readings[0]
    assert reading.r == (Reason.CLOCK_UNSYNCED,)
    assert not reading.counts


@given(st.binary(max_size=300) | st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["n", "v", "t", "u", "q", "r", "bn", "bt", "boot", "seq", "sync", "vs", "x_"]), inner, max_size=6), max_leaves=20).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_arrives_is_read_or_refused_by_name(payload: bytes) -> None:
    try:
        outcome = decode_pack(payload, "agent-7").agent
    except PackRefused as error:
        outcome = error.refusal
    assert outcome == "agent-7" or outcome in Refusal
