"""What a review is made of. Instants are microseconds; everything that is signed is in `state.signed_content`."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from domain.agreements import Side
from domain.verdict import LimitOf

FactsKind = Literal["alert", "late_excursion", "exceedance"]
Classification = Literal["exposure", "sensor_fault", "test", "no_hazard"]
CLASSIFICATIONS: tuple[Classification, ...] = ("exposure", "sensor_fault", "test", "no_hazard")


class Control(StrEnum):
    """The hierarchy of controls (ILO-OSH 2001, 3.10.1), the most effective first."""

    ELIMINATION = "elimination"
    SUBSTITUTION = "substitution"
    ENGINEERING = "engineering"
    ADMINISTRATIVE = "administrative"
    PPE = "ppe"

    @property
    def rank(self) -> int:
        return list(Control).index(self)


class Word(StrEnum):
    """What is said of an action. Only a third party verifies."""

    PLANNED = "planned"
    DONE = "done"  # self-declared
    CHECKED = "checked"  # by the worker side
    VERIFIED = "verified"  # by the inspectorate or the programme
    NOT_DONE = "not_done"  # looked at, and found not done


class Kind(StrEnum):
    """Entries of a review's journal."""

    OPENED = "opened"
    FACTS = "facts"  # the data behind it has changed
    CAUSE = "cause"
    ACTION = "action"
    SAID = "said"  # a word on an action
    EVIDENCE = "evidence"
    SIGNED = "signed"
    DISSENT = "dissent"
    CLOSED = "closed"
    REOPENED = "reopened"
    OVERDUE = "overdue"  # both sides are told
    TO_INSPECTOR = "to_inspector"  # still overdue: the inspector sees it


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is reviewed, as it is on record: an alert, an excursion found in late data, or a result over its limit."""

    kind: FactsKind
    ref: str  # the alert's id, or the result's key
    zone: str
    hazard: str
    type: str  # alarm type or metric
    severity: str  # stop, action, notice; "" for a result
    value: float | None
    unit: str
    limit: LimitOf | None
    started_at: str
    ended_at: str | None
    state: str  # of a result: exceeds, ...; of an alert: active or returned
    revision: int = 0  # of a result
    result: int = 0  # id of the result's revision, for a link
    data_lost: bool = False
    simulated: bool = False

    @property
    def stop_level(self) -> bool:
        return self.severity == "stop"


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an entry carries beside who and when; each kind uses its share."""

    facts: Facts | None = None
    causes: list[str] = []
    classification: Classification = "exposure"
    text: str = ""
    action: str = ""
    control: Control | None = None
    owner: str = ""
    due: str = ""
    why_ppe_alone: str = ""
    word: Word | None = None
    sha256: str = ""
    name: str = ""
    media_type: str = ""
    size: int = 0
    side: str = ""
    agree: bool | None = None
    digest: str = ""
    touched: list[str] = []


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Who said what of an action."""

    word: Word
    by: str
    role: str
    at_us: int
    text: str


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A corrective action."""

    id: str
    control: Control
    text: str
    owner: str
    due: str  # a local date
    why_ppe_alone: str
    by: str
    role: str
    at_us: int
    words: list[Said] = []
    overdue_us: int | None = None  # since both sides were told
    to_inspector_us: int | None = None

    @property
    def word(self) -> Word:
        return self.words[-1].word if self.words else Word.PLANNED

    @property
    def finished(self) -> bool:
        """Whether nobody waits for it: a self-declared word is enough to stop the reminders, never enough to count as verified."""
        return self.word in (Word.DONE, Word.CHECKED, Word.VERIFIED)


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A photo or paper, known by the hash of its content."""

    sha256: str
    name: str
    media_type: str
    size: int
    action: str  # "" of the review itself
    text: str
    by: str
    role: str
    at_us: int


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One person's word for their side, bound to the hash of what they saw."""

    side: Side
    agree: bool
    by: str
    role: str
    at_us: int
    text: str
    digest: str
    touched: list[str] = []  # what administrators did to this account before


class Dissent(msgspec.Struct, frozen=True, kw_only=True):
    """A later word against; `inspector_only` ones are shown to nobody else."""

    side: Side
    by: str
    at_us: int
    text: str
    inspector_only: bool


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Why a review was opened again."""

    at_us: int
    by: str  # "" for the system: the data changed
    text: str


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A fold of its journal."""

    id: str
    site: str
    facts: Facts
    opened_us: int
    opened_by: str
    causes: list[str] = []
    cause_text: str = ""
    classification: Classification = "exposure"
    actions: list[Action] = []
    files: list[File] = []
    signatures: list[Signature] = []
    dissents: list[Dissent] = []
    marks: list[Mark] = []
    closed_us: int | None = None
    closed_by: str = ""
    closed_text: str = ""

    @property
    def closed(self) -> bool:
        return self.closed_us is not None

    def action(self, id: str) -> Action | None:
        return next((action for action in self.actions if action.id == id), None)
