"""Commands: done once, refused with a reason, and only home may change the agent."""

from __future__ import annotations

import msgspec
import pytest

from domain.messages import Command, CommandResult
from edge_agent.commands import Args, CommandRefused, Commands, number, text
from oshwatch.testing import FakeClock


def payload(id: str = "c1", verb: str = "identify", expires: float = 4e9, **args: str | float | bool) -> bytes:
    return msgspec.json.encode(Command(id=id, verb=verb, args=args, expires=expires))


@pytest.fixture
def done() -> list[tuple[str, dict[str, object]]]:
    return []


@pytest.fixture
def commands(done: list[tuple[str, dict[str, object]]]) -> Commands:
    def act(destination: str, args: Args) -> str:
        done.append((destination, dict(args)))
        return "did it"

    def refuse(_destination: str, args: Args) -> str:
        number(args, "interval_s")
        text(args, "sensor")
        raise CommandRefused("there is no such sensor")

    return Commands(FakeClock(), home="home", anyone={"identify": act}, home_only={"set-interval": refuse, "self-test": act})


def test_a_command_that_comes_twice_is_done_once_and_answered_twice(commands: Commands, done: list[object]) -> None:
    answers = [commands.answer("home", payload()) for _ in range(2)]
    assert answers == [CommandResult(id="c1", state="done", reason="did it")] * 2
    assert done == [("home", {})]


@pytest.mark.parametrize(
    ("verb", "args", "reason"),
    [
        ("format-disk", {}, "does not know 'format-disk'"),
        ("apply-config", {}, "does not know 'apply-config'"),
        ("set-interval", {"sensor": "x", "interval_s": 5}, "there is no such sensor"),
        ("set-interval", {"sensor": "x", "interval_s": True}, "args.interval_s is to be a number"),
        ("set-interval", {"sensor": 3, "interval_s": 5}, "args.sensor is to be text"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(commands: Commands, verb: str, args: dict[str, float], reason: str) -> None:
    answer = commands.answer("home", payload(verb=verb, **args))
    assert answer is not None
    assert answer.state == "refused"
    assert reason in answer.reason


def test_too_late_is_expired(commands: Commands, done: list[object]) -> None:
    answer = commands.answer("home", payload(expires=FakeClock().time_us / 1e6 - 1))
    assert answer is not None
    assert answer.state == "expired"
    assert done == []


def test_another_centre_may_ask_and_not_change(commands: Commands) -> None:
    asked, changed = commands.answer("administration", payload("a")), commands.answer("administration", payload("b", verb="self-test"))
    assert asked is not None
    assert changed is not None
    assert (asked.state, changed.state) == ("done", "refused")
    assert "home" in changed.reason


def test_what_is_no_command_has_no_answer(commands: Commands) -> None:
    assert commands.answer("home", b"\xff{") is None
    assert commands.answer("home", b'{"id": "x"}') is None
