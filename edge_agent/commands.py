"""What a centre may ask of the agent (contract 3): identify, resend, set-interval, self-test. Anything else, or too late, is refused with the reason."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec

from domain.clock import Clock
from domain.jsontext import from_json
from domain.messages import Command, CommandResult
from domain.times import SECOND_US

log = logging.getLogger(__name__)

REMEMBERED = 200
"""Answers kept by id: a command that comes twice is done once."""

Args = Mapping[str, str | int | float | bool]


class CommandRefused(Exception):
    """The text says why."""


class Commands:
    """Verbs by name; each takes (destination, args) and returns what it did, or raises CommandRefused."""

    def __init__(self, clock: Clock, *, home: str, home_only: Mapping[str, Callable[[str, Args], str]], anyone: Mapping[str, Callable[[str, Args], str]]) -> None:
        self._clock, self._home = clock, home
        self._home_only, self._anyone = home_only, anyone
        self._answers: OrderedDict[tuple[str, str], CommandResult] = OrderedDict()

    def answer(self, destination: str, payload: bytes) -> CommandResult | None:
        """The result to publish; None for bytes that are no command (there is no id to answer to)."""
        try:
            command = from_json(payload, Command)
        except msgspec.DecodeError as error:
            log.warning("a command from %s cannot be read: %s", destination, error)
            return None
        known = self._answers.get((destination, command.id))
        if known is not None:
            return known
        result = self._do(destination, command)
        log.info("command %s %s from %s: %s %s", command.id, command.verb, destination, result.state, result.reason)
        self._answers[(destination, command.id)] = result
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return result

    def _do(self, destination: str, command: Command) -> CommandResult:
        if command.expires * SECOND_US < self._clock.now_us():
            return CommandResult(id=command.id, state="expired", reason="it came after its time")
        act = self._anyone.get(command.verb) or self._home_only.get(command.verb)
        if act is None:
            return CommandResult(id=command.id, state="refused", reason=f"this agent does not know '{command.verb}'")
        if command.verb not in self._anyone and destination != self._home:
            return CommandResult(id=command.id, state="refused", reason="only the home centre may change this agent")
        try:
            return CommandResult(id=command.id, state="done", reason=act(destination, command.args))
        except CommandRefused as error:
            return CommandResult(id=command.id, state="refused", reason=str(error))


def number(args: Args, name: str) -> float:
    """A number among the arguments; raises CommandRefused."""
    value = args.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CommandRefused(f"args.{name} is to be a number")
    return value


def text(args: Args, name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str):
        raise CommandRefused(f"args.{name} is to be text")
    return value
