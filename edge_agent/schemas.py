"""The published JSON Schemas, made from the structs: `python -m edge_agent.schemas DIR` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.config import AgentConfig
from edge_agent.drivers.modbus.profile import Profile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PUBLISHED = {"agent.schema.json": ("Config of oshwatch-edge", AgentConfig), "modbus-profile.schema.json": ("Modbus register map of oshwatch-edge", Profile)}


def schemas() -> dict[str, dict[str, Any]]:
    """File name → schema."""
    return {name: {"$schema": _DIALECT, "title": title, **msgspec.json.schema(kind)} for name, (title, kind) in _PUBLISHED.items()}


def text_of(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2) + "\n"


def write(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (directory / name).write_text(text_of(schema), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
