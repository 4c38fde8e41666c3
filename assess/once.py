"""What follows from something is made once, for all who ask for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


def once(found: dict[Hashable, Any], key: Hashable, make: Callable[[], T]) -> T:
    """What was found under a key, else made now; whoever asks later must not write into it."""
    if key not in found:
        found[key] = make()
    held: T = found[key]
    return held
