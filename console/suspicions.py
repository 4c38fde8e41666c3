"""What a suspicion rests on, in words, and what people said of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Engine

from alerts.policy import Policy
from alerts.state import Alert
from alerts.suspicions import TYPE, is_over_limit, judge, settled
from assess import texts
from console.context import House
from console.formats import Formats
from console.i18n import N_
from console.words import sentence
from domain.scope import Scope
from domain.times import to_rfc3339
from models.anomaly import Evidence
from storage.records.alarm_feedback import AlarmFeedbackRepository, Judgement
from storage.records.suspects import Suspect

TESTS = {
    "stuck": N_("The value stands still for longer than this sensor ever did."),
    "noise": N_("The values jump to and fro more than this sensor's own values do."),
    "spike": N_("Single values lie far off the values before and after them."),
    "bias": N_("The level jumped at once, and nothing linked to it moved."),
    "drift": N_("The level wanders off from the same quantity in other zones, over hours or days."),
    "dropout": N_("The sensor sends nothing, while others of the same device do."),
    "course": N_("Several values that belong together left their usual course."),
}
BAND = N_("Expected between %(low)s and %(high)s, last value %(value)s.")
VALUE = N_("Last value %(value)s.")
RECORD = N_("Score %(score)s; in %(share)s of the %(minutes)s minutes on record it was lower.")
YOUNG = N_("Score %(score)s; the record is too short to say how rare that is.")
PEERS = N_("Compared with %(peers)s.")
ALONE = N_("There is no other sensor of this quantity to compare with.")
SHARE = N_("This sensor makes up %(share)s of what is unusual among the values that belong together here.")
VERSION = N_("Model %(version)s; the stored readings give the same result again.")
OPEN = N_("Open: nobody has judged it, or a limit is exceeded and a field check or the word of both sides is missing.")
STANDS = {True: N_("Held to be a fault of the sensor."), False: N_("Held to be real, by both sides."), None: OPEN}
MARGIN_PEERS = 3


class JudgementBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody found who looked: is the sensor broken, and was it held against a reference instrument?"""

    is_fault: bool
    is_checked: bool = False
    text: str = ""


class JudgementJson(msgspec.Struct, frozen=True, kw_only=True):
    """One word on a suspicion."""

    is_fault: bool
    is_checked: bool
    by: str
    role: str
    at: str
    text: str


class JudgedJson(msgspec.Struct, frozen=True, kw_only=True):
    """What holds of a suspicion now: true, a fault; false, real; null, open."""

    alert: str
    is_fault: bool | None
    judgements: list[JudgementJson]


def evidence_of(suspect: Suspect) -> Evidence | None:
    return msgspec.json.decode(suspect.evidence, type=Evidence) if suspect.evidence else None


def evidence_words(suspect: Suspect, formats: Formats) -> list[str]:
    """Sentences for a person, in their language."""
    found = evidence_of(suspect)
    if found is None:
        return []
    say, quantity = formats.catalogue.gettext, suspect.channel.rpartition(".")[2]
    lines = [say(TESTS.get(found.test, ""))]
    if found.low is not None and found.high is not None and found.value is not None:
        low, high, value = (formats.quantity(number, quantity) for number in (found.low, found.high, found.value))
        lines.append(say(BAND) % {"low": low, "high": high, "value": value})
    elif found.value is not None:
        lines.append(say(VALUE) % {"value": formats.quantity(found.value, quantity)})
    score = formats.number(suspect.score, 1)
    if found.lower_share is not None:
        lines.append(say(RECORD) % {"score": score, "share": f"{formats.number(100 * found.lower_share, 1)} %", "minutes": formats.number(found.minutes, 0)})
    else:
        lines.append(say(YOUNG) % {"score": score})
    more = " …" if len(found.peers) > MARGIN_PEERS else ""
    lines.append(say(PEERS) % {"peers": ", ".join(found.peers[:MARGIN_PEERS]) + more} if found.peers else say(ALONE))
    if suspect.kind == "event":
        lines.append(say(SHARE) % {"share": f"{formats.number(100 * found.contribution, 0)} %"})
    return [*(line for line in lines if line), say(VERSION) % {"version": found.version}]


def suspects_of(house: House, alert: Alert) -> list[Suspect]:
    """Those of an alert's channels that are suspected still."""
    channels = alert.evidence.get("channels")
    if alert.type != TYPE or not isinstance(channels, list):
        return []
    return house.stores.suspects.all([str(channel) for channel in channels])


def say_judgement(house: House, scope: Scope, id: str, body: JudgementBody) -> JudgedJson:
    """In this person's name; `BadInput` where the alert is no model's."""
    held = house.sources.snapshot()
    alert, _ = house.stores.inbox.one(scope, held, id)
    policy: Policy = house.stores.policy_of(alert.site)
    is_over = is_over_limit(alert, house.open_alerts(scope), policy)
    said = judge(house.context.engine, house.context.clock, scope, alert, policy, is_true=body.is_fault, text=body.text, is_over=is_over, is_checked=body.is_checked)
    return judged_json(id, said)


def judgements(engine: Engine, alert: str) -> list[Judgement]:
    return AlarmFeedbackRepository(engine).all(alert)


def judged_json(alert: str, said: Sequence[Judgement]) -> JudgedJson:
    words = [JudgementJson(is_fault=one.is_true, is_checked=one.is_checked, by=one.by, role=one.role, at=to_rfc3339(one.at_us), text=one.text) for one in said]
    return JudgedJson(alert=alert, is_fault=settled(said), judgements=words)


def said_of_replaced(reasons: Sequence[str], formats: Formats) -> list[str]:
    """What live windows say of suspected sensors: the value as measured, and with them replaced."""
    begins = texts.SUSPECTS_REPLACED.partition("{")[0]
    return [sentence(reason, formats.catalogue.gettext) for reason in dict.fromkeys(reasons) if reason.startswith(begins)]
