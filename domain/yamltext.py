"""YAML text into a msgspec struct, with every error naming file, line and field. The only module of this room that needs PyYAML."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
import yaml

from domain.errors import BadInput

try:  # libyaml takes a tenth of the time, and a limit profile has a thousand lines
    from yaml import CSafeLoader as _Safe
except ImportError:
    from yaml import SafeLoader as _Safe  # type: ignore[assignment]

T = TypeVar("T")

_PATH = re.compile(r" - at `(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[(\.\.\.)\]")


def parse_yaml(text: str, kind: type[T], *, source: str) -> T:
    """One document of `kind`; raises `BadInput` with the line and field that is wrong."""
    node = _compose(text, source)
    try:
        return msgspec.convert(_load(text), kind, strict=True)
    except msgspec.ValidationError as error:
        raise _located(error, node, source) from None


def line_of(text: str, *path: str | int) -> int | None:
    """The line (from 1) of a field, for checks that come after parsing."""
    return _line(yaml.compose(text, Loader=_Loader), list(path))


class _Loader(_Safe):
    """SafeLoader that refuses a key given twice and leaves dates and times as text."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' is given twice", key.start_mark)
        seen.add(key.value)
    loader.flatten_mapping(node)
    return dict(loader.construct_pairs(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"] for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _load(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - _Loader is a SafeLoader


def _compose(text: str, source: str) -> yaml.Node:
    try:
        node = yaml.compose(text, Loader=_Loader)
        _load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadInput(error.problem or "not YAML", source=source, line=mark.line + 1 if mark else None, remedy="mend the YAML there") from None
    except yaml.YAMLError as error:
        raise BadInput(f"not YAML: {error}", source=source, remedy="save it as UTF-8 text") from None
    if node is None:
        raise BadInput("the file is empty", source=source, remedy="see the sample in the documentation")
    return node


def _located(error: msgspec.ValidationError, node: yaml.Node, source: str) -> BadInput:
    text = str(error)
    match = _PATH.search(text)
    steps: list[str | int] = []
    if match:
        for name, index, _any in _STEP.findall(match["path"]):
            steps.append(int(index) if index else name)
        text = text[: match.start()]
    unknown = re.search(r"unknown field `([^`]*)`", text)
    if unknown:
        steps.append(unknown[1])
        text = "unknown field"
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    return BadInput(text, source=source, line=_line(node, steps), field=field, remedy="see the sample in the documentation")


def _line(node: yaml.Node | None, steps: list[str | int]) -> int | None:
    line = node.start_mark.line + 1 if node else None
    for step in steps:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    line, found = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
            line = found.start_mark.line + 1
        if found is None:
            return line
        node = found
    return line
