"""The grade of a result, computed and never declared: the lowest of what instrument, quantity, calibration, placement, method, basis and coverage allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assess import texts
from assess.gather import Measured
from domain.quantities import Use
from domain.registry import Channel, Workers
from domain.verdict import MIN_COVERAGE, Basis, CalibrationState, Grade, WorkersOf

GRADES: tuple[Grade, ...] = ("trend", "screening", "compliance")
CALIBRATION_ORDER: tuple[CalibrationState, ...] = ("failed", "overdue", "unknown", "due", "in_date")
BY_CALIBRATION: dict[CalibrationState, Grade] = {"failed": "trend", "overdue": "screening", "unknown": "screening", "due": "compliance", "in_date": "compliance"}
BOTH_SIDES = (("worker", "union", "labour"), ("management", "employer"))
"""Words by which `agreed_by` names a side."""
SMALLEST_CELL = 5


def lowest(grades: Iterable[Grade]) -> Grade:
    return min(grades, key=GRADES.index, default="trend")


def calibration_of(used: Sequence[Measured]) -> CalibrationState:
    """The worst state of the instruments used."""
    states = [state for measured in used for state in measured.states.values()]
    return min(states, key=CALIBRATION_ORDER.index, default="unknown")


def basis_of(used: Sequence[Measured]) -> Basis:
    """Of several the weakest: personal only when every instrument is worn."""
    order: tuple[Basis, ...] = ("area", "static_breathing_zone", "personal")
    return min((channel.spec.basis for measured in used for channel in measured.channels), key=order.index, default="area")


def grade_of(used: Sequence[Measured], *, method: Grade, personal_hazard: bool, coverage: float, simulated: bool) -> tuple[Grade, list[str]]:
    """The grade, and a sentence for each thing that lowers it. `personal_hazard`: noise and airborne, whose limits are for the breathing zone or the ear."""
    held: list[tuple[Grade, str]] = [(method, ""), *(one for measured in used for one in _instruments(measured))]
    state = calibration_of(used)
    held.append((BY_CALIBRATION[state], texts.CALIBRATION.format(state=state.replace("_", " "))))
    channels = [channel for measured in used for channel in measured.channels]
    if not all(_agreed(channel) for channel in channels):
        held.append(("screening", texts.PLACEMENT_NOT_AGREED))
    if personal_hazard and basis_of(used) == "area":
        held.append(("screening", texts.AREA_BASIS))
    if coverage < MIN_COVERAGE:
        held.append(("trend", texts.LOW_COVERAGE))
    if simulated:
        held.append(("trend", ""))
    reasons = [reason for grade, reason in held if grade != "compliance" and reason]
    return lowest(grade for grade, _ in held), list(dict.fromkeys(reasons))


def workers_of(workers: Workers | None) -> WorkersOf | None:
    """Counts with small cells suppressed: one under five, and the other where the total would give it away."""
    if workers is None:
        return None
    cells = (workers.women, workers.men)
    if all(cell == 0 or cell >= SMALLEST_CELL for cell in cells):
        return WorkersOf(women=workers.women, men=workers.men, suppressed=False)
    return WorkersOf(women=None, men=None, suppressed=True)


def _instruments(measured: Measured) -> list[tuple[Grade, str]]:
    held: list[tuple[Grade, str]] = []
    for channel in measured.channels:
        instrument = channel.spec.instrument
        if instrument is None:
            held.append(("trend", texts.NO_INSTRUMENT.format(channel=channel.id)))
        else:
            held.append((instrument.grade, texts.INSTRUMENT_CLASS.format(channel=channel.id, grade=instrument.grade)))
    use: dict[Use, Grade] = {Use.COMPLIANCE: "compliance", Use.SCREENING: "screening", Use.TREND: "trend"}
    best = use[measured.quantity.use]
    held.append((best, texts.QUANTITY_USE.format(quantity=measured.quantity.name, grade=best)))
    return held


def _agreed(channel: Channel) -> bool:
    named = " ".join(channel.spec.agreed_by).lower()
    return all(any(word in named for word in side) for side in BOTH_SIDES)
