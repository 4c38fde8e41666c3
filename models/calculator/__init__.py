"""The hygienist's calculator: every formula of heat, noise, airborne exposure and its statistics by rows of a table, with its units, its validity and its source."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from models.calculator import airborne, heat, heat_work, noise, statistics
from models.calculator.formula import Formula

FORMULAS: Mapping[str, Formula] = MappingProxyType(
    {formula.name: formula for formula in (*heat.FORMULAS, *heat_work.FORMULAS, *noise.FORMULAS, *airborne.FORMULAS, *statistics.FORMULAS)}
)
