"""Files that a caller names on the command line."""

from __future__ import annotations

from pathlib import Path

from domain.errors import BadInput


def read_text(path: Path) -> str:
    """A text file; raises `BadInput` when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(path), remedy="check the path") from None
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8 text", source=str(path), remedy="save it as UTF-8") from None
