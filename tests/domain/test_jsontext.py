"""What cannot be read from outside is one kind of error, however it is broken."""

from __future__ import annotations

import msgspec
import pytest

from domain.jsontext import from_json

DEEP = b"[" * 30_000 + b"]" * 30_000


class Note(msgspec.Struct):
    text: str


def test_what_has_a_shape_is_read_into_it() -> None:
    assert from_json(b'{"text": "x", "more": [1]}', Note) == Note("x")
    assert from_json('{"any": [1]}') == {"any": [1]}


@pytest.mark.parametrize("text", [DEEP, b"", b"{", b'{"text": NaN}', b"\x00", b'"\xff"', b'{"\xc3(": 1}'])
def test_what_cannot_be_read_is_a_decode_error(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        from_json(text)


def test_depth_in_a_field_that_nobody_knows_is_refused_too() -> None:
    with pytest.raises(msgspec.DecodeError, match="nested too deeply"):
        from_json(b'{"text": "x", "more": ' + DEEP + b"}", Note)
