"""A review as the fold of its entries, what its signatures are bound to, and when it may be closed. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from alerts.review.model import Action, Body, Control, Dissent, File, Kind, Mark, Review, Said, Signature
from domain.agreements import SIDES, Side
from domain.errors import Conflict
from domain.registry import Committee
from storage.records.committee import CommitteeEntry

State = Literal["open", "agreed", "dissent", "closed", "reopened"]
STATES: tuple[State, ...] = ("open", "agreed", "dissent", "closed", "reopened")

_BODY = msgspec.json.Decoder(Body)


def fold(entries: Sequence[CommitteeEntry], *, inspector: bool = False) -> Review:
    """All entries of one review, in order; what was told to the inspectorate alone is left out unless an inspector asks."""
    first = entries[0]
    body = _BODY.decode(first.body)
    assert body.facts is not None
    review = Review(id=first.subject, site=first.site, facts=body.facts, opened_us=first.recorded_us, opened_by=first.by)
    for entry in entries[1:]:
        if inspector or not entry.inspector_only:
            review = _APPLY[Kind(entry.entry)](review, entry, _BODY.decode(entry.body))
    return review


def canonical(content: object) -> bytes:
    """One spelling of JSON for one content: keys in order, no blanks, UTF-8."""
    return msgspec.json.encode(content, order="deterministic")


def signed_content(review: Review) -> dict[str, Any]:
    """What a signature is bound to: what happened, why, what is to be done by whom until when, and the evidence for it. Words on actions come later, and are not in it."""
    actions = [{"id": one.id, "control": one.control, "text": one.text, "owner": one.owner, "due": one.due, "why_ppe_alone": one.why_ppe_alone} for one in review.actions]
    return {
        "review": review.id,
        "site": review.site,
        "facts": msgspec.to_builtins(review.facts),
        "classification": review.classification,
        "causes": review.causes,
        "cause_text": review.cause_text,
        "actions": actions,
        "evidence": sorted(file.sha256 for file in review.files if not file.action),
    }


def digest_of(review: Review) -> str:
    return hashlib.sha256(canonical(signed_content(review))).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one side stands on what the review says now."""

    side: Side
    signed: int
    needed: int
    agrees: bool
    dissents: bool

    @property
    def complete(self) -> bool:
        return self.signed >= self.needed


def standings(review: Review, committee: Committee) -> dict[Side, Standing]:
    """The latest word of each person on the present content counts; both sides need the same number of persons."""
    now = digest_of(review)
    latest: dict[tuple[Side, str], Signature] = {(one.side, one.by): one for one in review.signatures if one.digest == now}
    found: dict[Side, Standing] = {}
    for side in SIDES:
        words = [one for (of, _), one in latest.items() if of == side]
        enough = len(words) >= committee.quorum_each
        found[side] = Standing(
            side=side,
            signed=len(words),
            needed=committee.quorum_each,
            agrees=enough and all(one.agree for one in words),
            dissents=any(not one.agree for one in words),
        )
    return found


def state_of(review: Review, committee: Committee) -> State:
    """One word for lists."""
    if review.closed:
        return "closed"
    sides = standings(review, committee).values()
    if all(side.agrees for side in sides):
        return "agreed"
    if any(side.dissents for side in sides):
        return "dissent"
    return "reopened" if review.marks else "open"


def check_closing(review: Review, committee: Committee) -> None:
    """Raises `Conflict` where it may not be closed yet: a stop-level one, or one that is called something else than an exposure, needs both sides' agreement."""
    if review.closed:
        raise Conflict("it is closed already")
    if not review.causes and not review.cause_text:
        raise Conflict("no cause has been entered")
    sides = standings(review, committee).values()
    missing = [side.side for side in sides if not side.complete]
    if missing:
        raise Conflict("not signed yet by: " + ", ".join(f"{side} side" for side in missing))
    if (review.facts.stop_level or review.classification != "exposure") and not all(side.agrees for side in sides):
        raise Conflict("a stop-level alert is closed, and any alert reclassified, only when both sides agree; the dissent stands on record")


def check_signing(review: Review) -> None:
    """Raises `Conflict` for what cannot be signed as it is."""
    if not review.causes and not review.cause_text:
        raise Conflict("no cause has been entered: there is nothing to agree on yet")
    if ppe_alone(review.actions) and not any(action.why_ppe_alone for action in review.actions):
        raise Conflict("protective equipment is the only measure, and nobody has said why nothing higher is possible")


def ppe_alone(actions: Sequence[Action]) -> bool:
    """The last step of the hierarchy with none of the steps before it."""
    return bool(actions) and all(action.control is Control.PPE for action in actions)


def by_hierarchy(actions: Sequence[Action]) -> list[Action]:
    return sorted(actions, key=lambda action: (action.control.rank, action.at_us))


Apply = Callable[[Review, CommitteeEntry, Body], Review]


def _facts(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    """New data under a signature is marked, and opens what was closed."""
    assert body.facts is not None
    changed = replace(review, facts=body.facts)
    if not review.signatures:
        return changed
    return replace(changed, marks=[*review.marks, Mark(at_us=entry.recorded_us, by="", text=body.text)], closed_us=None, closed_by="", closed_text="")


def _cause(review: Review, _: CommitteeEntry, body: Body) -> Review:
    return replace(review, causes=body.causes, cause_text=body.text, classification=body.classification)


def _action(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    assert body.control is not None
    action = Action(
        id=body.action,
        control=body.control,
        text=body.text,
        owner=body.owner,
        due=body.due,
        why_ppe_alone=body.why_ppe_alone,
        by=entry.by,
        role=entry.role,
        at_us=entry.recorded_us,
    )
    return replace(review, actions=[*review.actions, action])


def _said(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    assert body.word is not None
    said = Said(word=body.word, by=entry.by, role=entry.role, at_us=entry.recorded_us, text=body.text)
    return _on_action(review, body.action, lambda action: replace(action, words=[*action.words, said]))


def _evidence(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    file = File(
        sha256=body.sha256,
        name=body.name,
        media_type=body.media_type,
        size=body.size,
        action=body.action,
        text=body.text,
        by=entry.by,
        role=entry.role,
        at_us=entry.recorded_us,
    )
    return replace(review, files=[*review.files, file])


def _signed(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    signature = Signature(
        side=_side(body),
        agree=bool(body.agree),
        by=entry.by,
        role=entry.role,
        at_us=entry.recorded_us,
        text=body.text,
        digest=body.digest,
        touched=body.touched,
    )
    return replace(review, signatures=[*review.signatures, signature])


def _dissent(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    dissent = Dissent(side=_side(body), by=entry.by, at_us=entry.recorded_us, text=body.text, inspector_only=entry.inspector_only)
    return replace(review, dissents=[*review.dissents, dissent])


def _closed(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    return replace(review, closed_us=entry.recorded_us, closed_by=entry.by, closed_text=body.text)


def _reopened(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    return replace(review, marks=[*review.marks, Mark(at_us=entry.recorded_us, by=entry.by, text=body.text)], closed_us=None, closed_by="", closed_text="")


def _overdue(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    return _on_action(review, body.action, lambda action: replace(action, overdue_us=entry.recorded_us))


def _to_inspector(review: Review, entry: CommitteeEntry, body: Body) -> Review:
    return _on_action(review, body.action, lambda action: replace(action, to_inspector_us=entry.recorded_us))


def _on_action(review: Review, id: str, change: Callable[[Action], Action]) -> Review:
    return replace(review, actions=[change(action) if action.id == id else action for action in review.actions])


def _side(body: Body) -> Side:
    return "worker" if body.side == "worker" else "management"


_APPLY: Mapping[Kind, Apply] = {
    Kind.OPENED: lambda review, *_: review,
    Kind.FACTS: _facts,
    Kind.CAUSE: _cause,
    Kind.ACTION: _action,
    Kind.SAID: _said,
    Kind.EVIDENCE: _evidence,
    Kind.SIGNED: _signed,
    Kind.DISSENT: _dissent,
    Kind.CLOSED: _closed,
    Kind.REOPENED: _reopened,
    Kind.OVERDUE: _overdue,
    Kind.TO_INSPECTOR: _to_inspector,
}
