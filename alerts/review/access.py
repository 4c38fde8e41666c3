"""Which role may do what in the joint committee, and for which side: one table. Who it is comes from the log-in; nobody acts for the other side."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from domain.agreements import SIDES
from domain.errors import Refused
from domain.scope import Role

NOBODYS = ""
"""What is done for neither side."""


class Transition(StrEnum):
    """Everything that a person can do in the committee's rooms."""

    OPEN = "open"  # take an alert or a finding into review
    CAUSE = "cause"  # say why it happened, and what it was
    ACTION = "action"  # put down a corrective action
    DONE = "done"  # self-declared: the duty is the employer's, and so is the word
    CHECK = "check"  # checked by the worker side
    VERIFY = "verify"  # by a third party
    OBJECT = "object"  # it was looked at, and is not done
    EVIDENCE = "evidence"
    SIGN = "sign"  # agree or dissent
    DISSENT = "dissent"  # later, also after closing
    DISSENT_TO_INSPECTORATE = "dissent_to_inspectorate"
    CLOSE = "close"
    REOPEN = "reopen"
    MEET = "meet"  # call a meeting, note who is there, write and close its minutes
    PAPER = "paper"  # record that people of one's own side signed the printed minutes
    MANDATE = "mandate"  # enter how a representative of a side was chosen, or the end of it
    RELEASE = "release"  # let one's own side's counts by sex be told although they are few
    ACCOUNT_PROPOSE = "account_propose"  # a worker-side account: make, reset, revoke
    ACCOUNT_AGREE = "account_agree"  # the second worker-side holder
    ACCOUNT_DECIDE = "account_decide"  # alone


_COMMITTEE: Mapping[Role, frozenset[str]] = {
    Role.OFFICER: frozenset({NOBODYS}),
    Role.WORKER_REPRESENTATIVE: frozenset({NOBODYS}),
    Role.MANAGEMENT_REPRESENTATIVE: frozenset({NOBODYS}),
}
_OWN_SIDE: Mapping[Role, frozenset[str]] = {Role.WORKER_REPRESENTATIVE: frozenset({"worker"}), Role.MANAGEMENT_REPRESENTATIVE: frozenset({"management"})}
_THIRD: Mapping[Role, frozenset[str]] = {Role.INSPECTOR: frozenset({NOBODYS}), Role.PROGRAMME: frozenset({NOBODYS})}
_WORKERS: Mapping[Role, frozenset[str]] = {Role.WORKER_REPRESENTATIVE: frozenset({"worker"})}

ACCESS: Mapping[Transition, Mapping[Role, frozenset[str]]] = {
    Transition.OPEN: _COMMITTEE,
    Transition.CAUSE: _COMMITTEE,
    Transition.ACTION: _COMMITTEE,
    Transition.DONE: {Role.OFFICER: frozenset({"management"}), Role.MANAGEMENT_REPRESENTATIVE: frozenset({"management"})},
    Transition.CHECK: _WORKERS,
    Transition.VERIFY: _THIRD,
    Transition.OBJECT: {**_WORKERS, **_THIRD},
    Transition.EVIDENCE: {**_COMMITTEE, **_THIRD},
    Transition.SIGN: _OWN_SIDE,
    Transition.DISSENT: _OWN_SIDE,
    Transition.DISSENT_TO_INSPECTORATE: _OWN_SIDE,
    Transition.CLOSE: _OWN_SIDE,
    Transition.REOPEN: {**_OWN_SIDE, **_THIRD},
    Transition.MEET: _COMMITTEE,
    Transition.PAPER: _OWN_SIDE,
    Transition.MANDATE: {**_OWN_SIDE, Role.INSPECTOR: frozenset(SIDES), Role.PROGRAMME: frozenset(SIDES)},
    Transition.RELEASE: _OWN_SIDE,
    Transition.ACCOUNT_PROPOSE: _WORKERS,
    Transition.ACCOUNT_AGREE: _WORKERS,
    Transition.ACCOUNT_DECIDE: {Role.INSPECTOR: frozenset({"worker"}), Role.PROGRAMME: frozenset({"worker"})},
}


def may(role: Role, transition: Transition, side: str = NOBODYS) -> bool:
    """Whether this role may do this for this side."""
    return side in ACCESS[transition].get(role, frozenset())


def may_at_all(role: Role, transition: Transition) -> bool:
    """For whichever side."""
    return bool(ACCESS[transition].get(role))


def check(role: Role, transition: Transition, side: str = NOBODYS) -> None:
    """Raises `Refused` where the table says no."""
    if may(role, transition, side):
        return
    if side and may_at_all(role, transition):
        raise Refused(f"only the {side} side can do this for the {side} side")
    raise Refused(f"your role, {role.value.replace('_', ' ')}, may not do this: {transition.value.replace('_', ' ')}")


def side_for(role: Role, transition: Transition) -> str:
    """The side for which a role does this, where there is only one; `""` else."""
    sides = ACCESS[transition].get(role, frozenset())
    return next(iter(sides)) if len(sides) == 1 else NOBODYS
