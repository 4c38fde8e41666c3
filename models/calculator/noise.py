"""Noise by rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.calculator.column import YES_NO, Column, Kind
from models.calculator.formula import Answer, Formula, Output, Values
from models.calculator.groups import group_sum, rows_of_groups
from models.noise import niosh, osha
from models.noise.ladder import LADDERS, allowed_seconds
from models.noise.levels import REFERENCE_MIN, energy, level
from models.noise.long_shift import action_level_dba
from models.noise.peak import honest_leq, honest_peak
from models.noise.tasks import Task, day_from_tasks
from models.noise.weekly import lex_weekly

LEVEL = Column(name="level_dba", meaning="level, dB(A)", low=0.0, high=140.0)
MINUTES = Column(name="duration_min", meaning="how long, min", low=0.0, high=1440.0)
DAY = Column(name="day", meaning="rows of one label make a day; without it each row is one", kind=Kind.LABEL)
LAEQ = Column(name="laeq_dba", meaning="equivalent level, dB(A)", low=0.0, high=140.0)
THRESHOLDS_DBA = (90.0, 80.0)
LONGEST_DAY_MIN = 1440.0
_WEEKDAYS = range(1, 8)


def _day_reasons(minutes: Array, day: Array) -> list[str]:
    return ["" if one <= LONGEST_DAY_MIN else f"the day is {one:g} min long" for one in group_sum(minutes, day)]


def _dose_osha(values: Values, _method: str) -> Answer:
    levels, minutes, day = values["level_dba"], values["duration_min"], values["day"]
    columns: dict[str, Array] = {}
    for threshold in THRESHOLDS_DBA:
        own = osha.dose(levels[:, None], minutes[:, None], threshold_db=threshold).pct
        total = group_sum(own, day)
        name = f"t{threshold:.0f}"
        columns |= {
            f"dose_{name}_pct": own,
            f"twa_{name}_dba": _finite(osha.twa_from_dose_db(own)),
            f"day_dose_{name}_pct": total,
            f"day_twa_{name}_dba": _finite(osha.twa_from_dose_db(total)),
        }
    columns["approximate"] = (values["level_kind"] > 0.5).astype(np.float64)
    return Answer(columns=columns, refused=_day_reasons(minutes, day))


def _dose_niosh(values: Values, _method: str) -> Answer:
    minutes, day = values["duration_min"], values["day"]
    own = niosh.dose_pct(values["level_dba"][:, None], minutes[:, None])
    total = group_sum(own, day)
    columns = {"dose_pct": own, "twa_dba": _finite(niosh.twa_from_dose_db(own)), "day_dose_pct": total, "day_twa_dba": _finite(niosh.twa_from_dose_db(total))}
    return Answer(columns=columns, refused=_day_reasons(minutes, day))


def _lex_8h(values: Values, _method: str) -> Answer:
    minutes, day = values["duration_min"], values["day"]
    own = energy(values["laeq_dba"]) * minutes / REFERENCE_MIN
    return Answer(columns={"lex_8h_dba": _finite(level(own)), "day_lex_8h_dba": _finite(level(group_sum(own, day)))}, refused=_day_reasons(minutes, day))


def _lex_tasks(values: Values, method: str) -> Answer:
    """Each row a sample; the rows of a day with one task label and its times are a task."""
    rows = len(values["laeq_dba"])
    columns = {name: np.full(rows, np.nan) for name in ("task_laeq_dba", "day_lex_8h_dba", "u_db", "expanded_db", "upper_dba")}
    refused, remarks = [""] * rows, [""] * rows
    for day in rows_of_groups(values["day"]):
        members = [day[task] for task in rows_of_groups(values["task_no"][day])]
        try:
            found = day_from_tasks([_task(values, task) for task in members], method)
        except ValueError as error:
            for row in day:
                refused[row] = str(error)
            continue
        for part, task in zip(found.tasks, members, strict=True):
            columns["task_laeq_dba"][task] = part.laeq_dba
            for row in task:
                remarks[row] = part.lacks
        columns["day_lex_8h_dba"][day] = found.lex_8h_dba
        columns["u_db"][day] = found.standard_db
        columns["expanded_db"][day] = found.expanded_db
        columns["upper_dba"][day] = found.lex_8h_dba + found.expanded_db
    return Answer(columns=columns, refused=refused, remarks=remarks)


def _task(values: Values, rows: npt.NDArray[np.intp]) -> Task:
    times = {name: values[name][rows] for name in ("task_min", "shortest_min", "longest_min")}
    times = {name: np.where(np.isnan(given), times["task_min"], given) for name, given in times.items()}
    if any(np.ptp(given) > 0.0 for given in times.values()):
        raise ValueError("the samples of one task give it different times")
    return Task(
        samples_dba=values["laeq_dba"][rows].tolist(), minutes=float(times["task_min"][0]), shortest_min=float(times["shortest_min"][0]), longest_min=float(times["longest_min"][0])
    )


def _lex_weekly(values: Values, _method: str) -> Answer:
    week = np.column_stack([values[f"day{day}_dba"] for day in _WEEKDAYS])
    return Answer(columns={"lex_weekly_dba": _finite(lex_weekly(week))})


def _ladder(values: Values, method: str) -> Answer:
    allowed = allowed_seconds(values["level_dba"], method)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(np.isnan(values["duration_min"]), np.nan, 6000.0 * values["duration_min"] / allowed)
    remarks = ["" if one > 0.0 else "no time at this level is allowed" for one in allowed]
    return Answer(columns={"allowed_s": allowed, "allowed_min": allowed / 60.0, "used_pct": share}, remarks=remarks)


def _long_shift(values: Values, _method: str) -> Answer:
    return Answer(columns={"action_level_dba": action_level_dba(values["hours_per_day"])})


def _peak(values: Values, method: str) -> Answer:
    honest = honest_peak if method == "peak" else honest_leq
    found = [honest(one, float(overload)) for one, overload in zip(values["level_db"], values["overload_db"], strict=True)]
    return Answer(columns={"level_shown_db": np.array([one.level_db for one in found]), "at_least": np.array([float(one.at_least) for one in found])})


def _finite(levels: Array) -> Array:
    """No sound has no level: an empty cell."""
    return np.where(np.isinf(levels), np.nan, levels)


def _osha_outputs() -> tuple[Output, ...]:
    found = []
    for threshold in THRESHOLDS_DBA:
        name, text = f"t{threshold:.0f}", f"threshold {threshold:.0f} dB(A)"
        found += [
            Output(name=f"dose_{name}_pct", meaning=f"of the row, {text}, %"),
            Output(name=f"twa_{name}_dba", meaning=f"8-hour level of it, {text}, dB(A)"),
            Output(name=f"day_dose_{name}_pct", meaning=f"of the row's day, {text}, %"),
            Output(name=f"day_twa_{name}_dba", meaning=f"8-hour level of it, {text}, dB(A)"),
        ]
    return (*found, Output(name="approximate", meaning="a 5 dB dose does not follow from equivalent levels", choices=YES_NO))


FORMULAS = (
    Formula(
        name="noise_dose_osha",
        summary="dose with 5 dB exchange rate from slow levels, threshold 90 dB(A) (limit) and 80 dB(A) (hearing conservation)",
        source="29 CFR 1910.95 and Appendix A",
        inputs=(
            LEVEL,
            MINUTES,
            Column(name="level_kind", meaning="steady slow level, or equivalent level (approximate)", kind=Kind.CHOICE, choices=("slow", "laeq"), default=0.0),
            DAY,
        ),
        outputs=_osha_outputs(),
        function=_dose_osha,
        example="level_dba=92 duration_min=480",
    ),
    Formula(
        name="noise_dose_niosh",
        summary="dose with 3 dB exchange rate",
        source="NIOSH 98-126",
        inputs=(LEVEL, MINUTES, DAY),
        outputs=(
            Output(name="dose_pct", meaning="of the row, %"),
            Output(name="twa_dba", meaning="8-hour level of it, dB(A)"),
            Output(name="day_dose_pct", meaning="of the row's day, %"),
            Output(name="day_twa_dba", meaning="8-hour level of it, dB(A)"),
        ),
        function=_dose_niosh,
        example="level_dba=94 duration_min=30",
    ),
    Formula(
        name="lex_8h",
        summary="daily noise exposure level",
        source="ISO 9612:2009 clause 3; Directive 2003/10/EC article 2",
        inputs=(LAEQ, MINUTES, DAY),
        outputs=(Output(name="lex_8h_dba", meaning="of the row alone, dB(A)"), Output(name="day_lex_8h_dba", meaning="of all rows of the day, dB(A)")),
        function=_lex_8h,
        example="laeq_dba=88 duration_min=240",
    ),
    Formula(
        name="lex_8h_tasks",
        summary="daily noise exposure level from samples of tasks, with its uncertainty; --method is the instrument",
        source="ISO 9612:2009 clause 9 and Annex C",
        inputs=(
            LAEQ,
            Column(name="task_no", meaning="number of the sample's task", low=0.0, high=1000.0),
            Column(name="task_min", meaning="length of the task, min", above=0.0, high=1440.0),
            Column(name="shortest_min", meaning="shortest length of the task, min", above=0.0, high=1440.0, open=True),
            Column(name="longest_min", meaning="longest length of the task, min", above=0.0, high=1440.0, open=True),
            Column(name="day", meaning="rows of one label make a day; rows without one are a day together", kind=Kind.LABEL, together=True),
        ),
        outputs=(
            Output(name="task_laeq_dba", meaning="of the sample's task, dB(A)"),
            Output(name="day_lex_8h_dba", meaning="of the day, dB(A)"),
            Output(name="u_db", meaning="combined standard uncertainty, dB"),
            Output(name="expanded_db", meaning="one-sided, 95 %, dB"),
            Output(name="upper_dba", meaning="the truth is under it with 95 % confidence, dB(A)"),
        ),
        function=_lex_tasks,
        methods=("class2", "class1", "personal"),
        example="laeq_dba=84 task_no=1 task_min=480",
    ),
    Formula(
        name="lex_weekly",
        summary="weekly noise exposure level of the daily ones; an empty day is one without work",
        source="Directive 2003/10/EC articles 2(c) and 3(3); ISO 9612:2009 clause 3",
        inputs=tuple(Column(name=f"day{day}_dba", meaning=f"LEX,8h of day {day}, dB(A)", low=0.0, high=140.0, open=day > 1) for day in _WEEKDAYS),
        outputs=(Output(name="lex_weekly_dba", meaning="over five days of 8 h, dB(A)"),),
        function=_lex_weekly,
        example="day1_dba=90 day2_dba=80",
    ),
    Formula(
        name="noise_ladder",
        summary="longest time a day at a level by a law that lists steps; --method is the country",
        source="; ".join(f"{name}: {ladder.source}" for name, ladder in LADDERS.items()),
        inputs=(LEVEL, Column(name="duration_min", meaning="time at the level, min", low=0.0, high=1440.0, open=True)),
        outputs=(
            Output(name="allowed_s", meaning="longest time a day, s"),
            Output(name="allowed_min", meaning="the same, min"),
            Output(name="used_pct", meaning="used share of it, %"),
        ),
        function=_ladder,
        methods=tuple(LADDERS),
        example="level_dba=89 duration_min=60",
    ),
    Formula(
        name="osha_action_level",
        summary="OSHA's action level for a long shift",
        source="29 CFR 1910.95(c) and Appendix A",
        inputs=(Column(name="hours_per_day", meaning="length of the shift, h", above=0.0, high=24.0),),
        outputs=(Output(name="action_level_dba", meaning="steady level with a dose of 50 %, dB(A)"),),
        function=_long_shift,
        example="hours_per_day=12",
    ),
    Formula(
        name="honest_level",
        summary="what a microphone can say near its overload point; --method peak for LCpeak, leq for equivalent levels",
        source="IEC 61672-1:2013 5.11 (overload); clipped sound has an unknown level",
        inputs=(
            Column(name="level_db", meaning="level as shown, dB", low=0.0, high=200.0),
            Column(name="overload_db", meaning="acoustic overload point, dB", low=80.0, high=200.0),
        ),
        outputs=(Output(name="level_shown_db", meaning="level that may be stated, dB"), Output(name="at_least", meaning="the truth may be any higher level", choices=YES_NO)),
        function=_peak,
        methods=("peak", "leq"),
        example="level_db=118 overload_db=116",
    ),
)
