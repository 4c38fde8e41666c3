"""JSON from outside the house, read into a shape."""

from __future__ import annotations

from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")


@overload
def from_json(text: bytes | bytearray | str) -> Any: ...
@overload
def from_json(text: bytes | bytearray | str, shape: type[T]) -> T: ...
def from_json(text: bytes | bytearray | str, shape: Any = Any) -> Any:
    """What stands there; `msgspec.DecodeError` where it cannot be read, also where it is no UTF-8 or nested so deeply that the reader's stack would end."""
    try:
        return msgspec.json.decode(text, type=shape)
    except RecursionError:
        raise msgspec.DecodeError("nested too deeply") from None
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8 at byte {error.start}") from None
