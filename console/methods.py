"""How results are computed, in words, with where the method is written: for people who check a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assess import texts
from console.i18n import N_
from console.words import pattern_of


@dataclass(frozen=True, slots=True)
class Method:
    """A formula in words, and its source as it is cited."""

    words: str
    source: str


UNKNOWN = Method(N_("Nothing was computed: what would be needed is not measured."), "")

METHODS: Mapping[str, Method] = {
    "wbgt-bernard-1999": Method(
        N_(
            "WBGT of each minute = 0.7 × natural wet bulb + 0.3 × globe temperature, in the shade. The natural wet bulb is estimated from air temperature, humidity, globe temperature and air speed; the globe is converted to one of 150 mm."
        ),
        "ISO 7243:2017, clause 5; Bernard and Pourmoghani 1999; ISO 7726:1998, Annex B",
    ),
    "wbgt-iso-7243-2017": Method(N_("WBGT of each minute = 0.7 × natural wet bulb + 0.3 × globe temperature, both measured."), "ISO 7243:2017, clause 5; NIOSH 2016-106"),
    "wbgt-instrument": Method(N_("WBGT of each minute as the instrument gives it."), "ISO 7243:2017"),
    "noise-dose-3db": Method(
        N_("Dose = 100 % × the sum over the minutes of time at a level, divided by the time allowed at it: 8 h at 85 dB(A), half of it for each 3 dB more."),
        "DHHS (NIOSH) 98-126, section 1.1",
    ),
    "noise-dose-5db-t80": Method(
        N_(
            "Dose = 100 % × the sum over the minutes of time at a level, divided by the time allowed at it: 8 h at 90 dB(A), half of it for each 5 dB more; levels under 80 dB(A) do not count."
        ),
        "29 CFR 1910.95, Appendix A",
    ),
    "noise-dose-5db-t90": Method(
        N_(
            "Dose = 100 % × the sum over the minutes of time at a level, divided by the time allowed at it: 8 h at 90 dB(A), half of it for each 5 dB more; levels under 90 dB(A) do not count."
        ),
        "29 CFR 1910.95, Appendix A",
    ),
    "noise-lex-8h": Method(
        N_("LEX,8h = the energy mean of the levels of all minutes worked, plus 10 × log10 of the time worked divided by 8 h."),
        "ISO 9612:2009, clause 3; Directive 2003/10/EC, Article 2",
    ),
    "noise-lcpeak-max": Method(N_("The highest peak of the shift."), "ISO 9612:2009; Directive 2003/10/EC, Article 2"),
    "noise-la-max": Method(N_("The highest level of the shift, from minute means."), "29 CFR 1910.95"),
    "airborne-sum-over-8h": Method(N_("The sum of each minute's concentration times its duration, divided by 8 h whatever the length of the shift."), "29 CFR 1910.1000(d)(1)(i)"),
    "airborne-worst-8h": Method(N_("The mean of the 8 h of the shift in which it is highest."), "OSHA's practice for long shifts"),
    "airborne-shift-up-to-10h": Method(N_("The mean of the shift, of up to 10 h."), "NIOSH Pocket Guide, introduction"),
    "airborne-15min": Method(N_("The highest mean of any 15 minutes in a row."), "NIOSH Pocket Guide, introduction; EN 689:2018"),
    "airborne-10min": Method(N_("The highest mean of any 10 minutes in a row."), "NIOSH Pocket Guide, introduction"),
    "airborne-60min": Method(N_("The highest mean of any 60 minutes in a row."), ""),
    "airborne-instantaneous": Method(N_("The highest value of the shift."), "NIOSH Pocket Guide, introduction"),
    "airborne-minutes-over": Method(N_("The minutes whose mean is over the ceiling."), "29 CFR 1910.1000(b)(2)"),
    "airborne-mixture": Method(N_("The sum of each concentration divided by its own limit; over 1 is over the limit."), "29 CFR 1910.1000(d)(2)(i)"),
    "airborne-pid-mixture": Method(
        N_(
            "The vapour sensor's average by the limits' own time in ppm of isobutylene, times the most that a ppm of the declared mixture can be of the limits added up, by response factors that are good to 20 %."
        ),
        "RAE Systems, Technical Note 106; 29 CFR 1910.1000(d)(2)(i)",
    ),
    "laboratory-sum-over-8h": Method(
        N_("The sample's concentration times the time that it was drawn, divided by 8 h whatever the length of the shift; time that was not sampled stands in the bounds."),
        "29 CFR 1910.1000(d)(1)(i); EN 689:2018",
    ),
    "laboratory-worst-8h": Method(
        N_("The sample's concentration as the mean of the 8 h of the shift in which it is highest; what else it may hide stands in the bounds."),
        "OSHA's practice for long shifts; EN 689:2018",
    ),
    "laboratory-shift-up-to-10h": Method(
        N_("The sample's concentration as the mean of the shift, of up to 10 h; time that was not sampled stands in the bounds."), "NIOSH Pocket Guide, introduction"
    ),
    "laboratory-15min": Method(
        N_("The sample's concentration as a short-term mean: a longer sample holds its highest short-term mean between an even spread and all of it at once."), "EN 689:2018"
    ),
    "laboratory-10min": Method(
        N_("The sample's concentration as a short-term mean: a longer sample holds its highest short-term mean between an even spread and all of it at once."), "EN 689:2018"
    ),
    "laboratory-instantaneous": Method(N_("The sample's mean: single values may be higher, so that it can only show that a ceiling is exceeded."), "29 CFR 1910.1000(a)(1)"),
}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What an estimate or a plain instrument does to the number, and whose claim that is."""

    words: str
    source: str


COMPUTED = "docs/calculator.md, What is missing: computed with ISO 7726:1998 and Bernard and Pourmoghani 1999 over 26-38 °C, 40-80 %, 0.1-2 m/s"
ACCURACY: Mapping[str, Accuracy] = {
    texts.NO_GLOBE: Accuracy(
        N_("Without a globe WBGT reads low: by 0.7 °C (0.3 to 1.4) where the surroundings are 5 °C hotter than the air, by 1.9 °C (0.7 to 3.6) where they are 10 °C hotter."),
        f"{COMPUTED}; Oliveira et al. 2019, wxz042",
    ),
    texts.NO_ANEMOMETER: Accuracy(N_("Without an anemometer WBGT is off by 0.5 °C down or 0.6 °C up at most, still or moving air taken for 0.2 m/s."), COMPUTED),
    texts.GLOBE_CORRECTED: Accuracy(
        N_(
            "A small globe uncorrected reads WBGT low: one of 40 mm by 0.5 °C (0.2 to 1.0) where the surroundings are 10 °C hotter than the air; corrected, the error of the air speed is left."
        ),
        f"{COMPUTED}; Oliveira et al. 2019, wxz042",
    ),
    texts.GLOBE_NOT_CORRECTED: Accuracy(
        N_(
            "A small globe that is not corrected reads WBGT low: one of 40 mm by 0.5 °C (0.2 to 1.0) where the surroundings are 10 °C hotter than the air, by 1.1 °C where they are 20 °C hotter."
        ),
        f"{COMPUTED}; Oliveira et al. 2019, wxz042",
    ),
    texts.GLOBE_UNKNOWN: Accuracy(
        N_("A globe of 40 mm taken for one of 150 mm reads WBGT low by 0.5 °C (0.2 to 1.0) where the surroundings are 10 °C hotter than the air."),
        f"{COMPUTED}; Oliveira et al. 2019, wxz042",
    ),
    texts.ESTIMATED_WET_BULB: Accuracy(
        N_(
            "WBGT estimated from temperature, humidity, globe and air speed is good to 0.7 to 1.0 °C; 3 % of relative humidity alone are 0.4 °C. Two published methods differ by 0.1 to 0.7 °C on average."
        ),
        "docs/calculator.md, Heat; Bernard and Pourmoghani 1999; Liljegren et al. 2008",
    ),
    texts.INSTRUMENT_CLASS: Accuracy(
        N_(
            "A low-cost sensor is taken at its class's uncertainty, which stands in the bounds: by trials beside reference instruments such sensors differ from them, and from each other, by tens of percent."
        ),
        "US EPA performance targets for air sensors (slope 1 ± 0.35); Barkjohn et al. 2021, AMT 14, 4617",
    ),
    texts.APPROXIMATE_DOSE: Accuracy(
        N_("A 5 dB dose from minute means lies between that of steady minutes and that of single short bursts; both ends stand in the bounds."), "29 CFR 1910.95, Appendix A"
    ),
}
"""By the sentence of a result that says what is missing or estimated."""

WINDOWS: Mapping[str, str] = {
    "wbgt_effective_60min_worst": N_(
        "The clothing's adjustment is added, and the time-weighted mean of every 60 minutes is held against the limit at the work rate of the same 60 minutes; those with the largest excess count."
    ),
    "wbgt_effective_120min_worst": N_("The clothing's adjustment is added; the highest time-weighted mean of 120 minutes counts."),
    "rest_min_per_hour_required": N_("The minutes of rest in the worst hour that bring its time-weighted mean to the limit, taken at the place of rest in its own heat."),
}

STATE_RULES: Mapping[str, str] = {
    "exceeds": N_("The lower bound is over the limit."),
    "not_assessable": N_("Fewer than 75 % of the minutes are valid, or nothing is measured: no statement can be made, and that is no good news."),
    "within": N_("The upper bound is not over the limit, enough minutes are valid, and the grade is good enough to say so."),
    "indeterminate": N_("The limit lies between the bounds, or the grade or the limit's status do not allow a statement."),
}

CAUSES: Mapping[str, str] = {
    "sensor": N_("Uncertainty of the instruments"),
    "gap": N_("Missing minutes"),
    "estimate": N_("Estimated instead of measured"),
    "calibration": N_("State of the calibration"),
    "metabolic_rate": N_("Work rate as an estimate"),
}

GAP_CAUSES: Mapping[str, str] = {
    "power": N_("power cut"),
    "network": N_("network down"),
    "broker": N_("broker did not answer"),
    "sensor": N_("sensor did not answer"),
    "clock": N_("clock wrong"),
    "outbox_full": N_("memory of the device full"),
    "centre": N_("lost at the centre"),
    "unknown": N_("cause not known"),
}


def accuracy_of(reasons: Sequence[str]) -> list[Accuracy]:
    """What the estimates that a result's reasons name do to it; of an instrument only one that is no better than screening."""
    found = [ACCURACY[msgid] for reason in reasons if (msgid := pattern_of(reason)) in ACCURACY and not (msgid == texts.INSTRUMENT_CLASS and reason.endswith("compliance."))]
    return list(dict.fromkeys(found))


def method_of(id: str) -> Method:
    """Of `wbgt-bernard-1999@1`; `UNKNOWN` for a result without a method."""
    return METHODS.get(id.partition("@")[0], UNKNOWN)
