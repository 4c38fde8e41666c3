"""The words for what the house counts in codes. Statuses always come as shape and word, never as colour alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from alerts import ceiling_air
from alerts.kpi import DEFINITIONS
from alerts.notification import chain, digest, inspectorate, watchdog
from alerts.notification import committee as committee_news
from alerts.notification import words as message_words
from alerts.policy import load_policy
from assess import contested, texts
from console.i18n import N_
from domain.quality import Reason
from domain.quantities import QUANTITIES
from models.limits.agents import AGENTS


@dataclass(frozen=True, slots=True)
class Mark:
    """A status as people see it."""

    icon: str
    word: str


STATUS = {
    "within": Mark("●", N_("Within limit")),
    "action": Mark("◆", N_("Action")),
    "stop": Mark("■", N_("Stop work")),
    "unknown": Mark("○", N_("No data")),
}

PARTLY_UNKNOWN = Mark("○", N_("Partly not measured"))
"""Unknown, though sensors speak: a hazard that the zone is known to have is not among what they measure, or cannot be assessed."""

SEVERITY = {
    "stop": Mark("■", N_("Stop work")),
    "action": Mark("◆", N_("Action")),
    "notice": Mark("▲", N_("Notice")),
}

HAZARDS = {
    "heat": N_("Heat"),
    "noise": N_("Noise"),
    "dust": N_("Dust"),
    "air_quality": N_("Air quality"),
    "chemical:mixture": N_("Mixture of substances"),
    "sensor": N_("Sensor"),
    "agent": N_("Measuring device"),
    "outbox": N_("Stored readings"),
    "notification": N_("Notification"),
}

METRICS = {
    "wbgt_now": N_("WBGT now"),
    "wbgt_effective_60min": N_("WBGT, last 60 min"),
    "wbgt_effective_60min_worst": N_("WBGT, worst 60 min"),
    "wbgt_effective_120min_worst": N_("WBGT, worst 120 min"),
    "rest_min_per_hour_required": N_("Rest needed, minutes an hour"),
    "lex_8h": N_("Noise, LEX,8h"),
    "dose_3db": N_("Noise dose, 3 dB exchange"),
    "dose_5db_t80": N_("Noise dose, 5 dB exchange, from 80 dB"),
    "dose_5db_t90": N_("Noise dose, 5 dB exchange, from 90 dB"),
    "noise_dose_so_far": N_("Noise dose so far"),
    "dose_3db_so_far": N_("Noise dose so far, 3 dB exchange"),
    "dose_5db_t80_so_far": N_("Noise dose so far, 5 dB exchange, from 80 dB"),
    "dose_5db_t90_so_far": N_("Noise dose so far, 5 dB exchange, from 90 dB"),
    "lcpeak_max": N_("Highest peak, LCpeak"),
    "twa": N_("Shift average"),
    "twa_8h": N_("Average over 8 h"),
    "stel_15min": N_("15-minute average"),
    "stel_15min_max": N_("Highest 15-minute average"),
    "ceiling": N_("Ceiling"),
    "ceiling_max": N_("Highest value against the ceiling"),
    "minutes_over_ceiling": N_("Minutes over the ceiling"),
    "mixture_index": N_("Mixture index"),
    "mixture_index_15min": N_("Mixture index, last 15 min"),
    "mean_1h": N_("Average over 1 h"),
    "mean_1h_max": N_("Highest average over 1 h"),
    "leq_now": N_("Sound level now"),
}

PROJECTED_LEVEL = N_("Noise, projected for the shift")

STATES = {
    "within": N_("within the limit"),
    "exceeds": N_("over the limit"),
    "indeterminate": N_("not proven"),
    "not_assessable": N_("not assessable"),
}
PROBABLY_OVER = N_("probably over, not proven")

YES_NO_UNKNOWN = {"yes": N_("yes"), "no": N_("no"), "unknown": N_("unknown")}

CLOTHING = {
    "work_clothes": N_("Work clothes, long sleeves, woven"),
    "cloth_coveralls": N_("Cloth coveralls over underwear"),
    "sms_coveralls": N_("Nonwoven SMS coveralls, one layer"),
    "polyolefin_coveralls": N_("Nonwoven polyolefin coveralls, one layer"),
    "double_layer": N_("Two layers of woven clothing"),
    "vapour_barrier_apron": N_("Long vapour-barrier apron over cloth coveralls"),
    "vapour_barrier_coveralls": N_("Vapour-barrier coveralls, one layer, no hood"),
    "vapour_barrier_coveralls_hood": N_("Vapour-barrier coveralls with hood"),
    "vapour_barrier_over_cloth": N_("Vapour-barrier over cloth coveralls, no hood"),
}


def clothing_name(clothing: str) -> str:
    """Of what the registry names; with a hood added, or in words that no table has, as it stands there."""
    return CLOTHING.get(clothing, clothing)


GRADES = {"compliance": N_("compliance"), "screening": N_("screening"), "trend": N_("trend only")}

CALIBRATION = {
    "in_date": N_("in date"),
    "due": N_("due soon"),
    "overdue": N_("overdue"),
    "failed": N_("failed"),
    "unknown": N_("unknown"),
}

STEPS = {
    "raised": N_("raised"),
    "escalated": N_("severity rose"),
    "reactivated": N_("over again"),
    "revised": N_("revised"),
    "data_lost": N_("data lost while in alert"),
    "data_back": N_("data is back"),
    "returned": N_("returned to normal"),
    "acknowledged": N_("acknowledged"),
    "commented": N_("comment"),
    "confirmed": N_("response confirmed"),
    "shelved": N_("shelved"),
    "unshelved": N_("shelving ended"),
    "suppressed": N_("suppressed by design"),
    "unsuppressed": N_("suppression ended"),
    "out_of_service": N_("taken out of service"),
    "returned_to_service": N_("returned to service"),
    "reset": N_("reset"),
}

ALERT_STATES = {
    "normal": N_("closed"),
    "unacknowledged": N_("unacknowledged"),
    "acknowledged": N_("acknowledged"),
    "returned_unacknowledged": N_("returned, unacknowledged"),
    "latched_acknowledged": N_("returned, waits for a reset"),
    "shelved": N_("shelved"),
    "suppressed_by_design": N_("suppressed by design"),
    "out_of_service": N_("out of service"),
}

ROLES = {
    "officer": N_("OSH officer"),
    "worker_representative": N_("worker representative"),
    "management_representative": N_("management representative"),
    "inspector": N_("labour inspector"),
    "programme": N_("programme staff"),
    "administrator": N_("administrator"),
}

AGENT_STATES = {"online": N_("online"), "offline": N_("offline"), "unknown": N_("state not known")}

REASONS: Mapping[int, str] = {
    Reason.UNDER_RANGE: N_("under the range"),
    Reason.OVER_RANGE: N_("over the range"),
    Reason.NOISY: N_("noisy"),
    Reason.STUCK_VALUE: N_("stuck"),
    Reason.STEP_TOO_HIGH: N_("sudden step"),
    Reason.CALIBRATION_EXPIRED: N_("calibration expired"),
    Reason.WARMING_UP: N_("warming up"),
    Reason.SERVICE_MODE: N_("in service mode"),
    Reason.HW_FAILURE: N_("hardware failure"),
    Reason.LACK_OF_DATA_SAMPLES: N_("no answer from the sensor"),
    Reason.OUT_OF_OPERATING_RANGE: N_("out of its operating range"),
    Reason.CLOCK_UNSYNCED: N_("clock not synchronised"),
    Reason.CROSS_INTERFERENCE: N_("cross-interference"),
    Reason.BUMP_TEST_FAILED: N_("bump test failed"),
    Reason.SIMULATED: N_("simulated"),
    Reason.BACKFILLED: N_("sent later"),
    Reason.BELOW_DETECTION: N_("below what the sensor can detect"),
    Reason.SATURATED: N_("at least this value: sensor at its end"),
}


def hazard_name(hazard: str) -> str:
    """English name, to be translated by the caller; a gas by its quantity, a chemical by its name where limits know it, else by its CAS number."""
    if hazard in HAZARDS:
        return HAZARDS[hazard]
    kind, _, detail = hazard.partition(":")
    if kind == "gas" and detail in QUANTITIES:
        return QUANTITIES[detail].name
    if kind == "chemical":
        return AGENTS.get(detail, f"CAS {detail}")
    return hazard


def metric_name(metric: str) -> str:
    if metric in QUANTITIES:
        return QUANTITIES[metric].name
    return METRICS.get(metric, metric.replace("_", " "))


def window_name(metric: str) -> str:
    """Of a live window: what a shift will have come to is a projection, and not called LEX,8h before it has ended."""
    return PROJECTED_LEVEL if metric == "lex_8h" else metric_name(metric)


def state_name(state: str, value: float | None, limit: float | None) -> str:
    """Evidence and protection side by side (contract 4.1): a value over the limit without proof says both."""
    if state == "indeterminate" and value is not None and limit is not None and value > limit:
        return PROBABLY_OVER
    return STATES.get(state, state)


def safety_texts() -> Iterable[str]:
    """What the alarm table tells people on these pages: what it is, why, what it does, who acts, and how."""
    yield from load_policy().texts()
    yield from (text for _, name, _, _, _, definition in DEFINITIONS for text in (name, definition))


def message_texts() -> Iterable[str]:
    """Sentences of mails and text messages, with braces where a value is filled in."""
    for module in (message_words, chain, digest, committee_news, inspectorate, watchdog):
        yield from module.TEXTS


def result_texts() -> Iterable[str]:
    """Sentences that results carry, with braces where a value is filled in."""
    yield from (text for name, text in vars(texts).items() if name.isupper() and isinstance(text, str))
    yield from contested.SENTENCES
    yield from ceiling_air.SENTENCES


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The longest first, so that a sentence that begins like another is not taken for it."""
    found = [(text, re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(text)))) for text in result_texts()]
    return sorted(found, key=lambda pair: -len(pair[0]))


def pattern_of(text: str) -> str:
    """The sentence with its braces, of which a result's sentence was made; the text itself where none is known."""
    return next((msgid for msgid, pattern in _patterns() if pattern.fullmatch(text)), text)


def sentence(text: str, say: Callable[[str], str]) -> str:
    """A result's sentence in the reader's language, its values put back where they belong; one that is not known stays as it is."""
    for msgid, pattern in _patterns():
        match = pattern.fullmatch(text)
        if match:
            return say(msgid).format_map(match.groupdict())
    return text
