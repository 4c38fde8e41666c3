"""What the sensors' uncertainties do to an estimated WBGT: JCGM 100:2008 (GUM), 5.1.2 with the partial derivatives of 5.1.3 note 2, taken numerically over the width of each input.

Independent inputs: the squares add up. All widths at one level of coverage (all standard, or all expanded); the result has the same. The method's own error is not in it: the
estimate differs from an energy balance by up to 1.5 K beside hot surfaces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array

Model = Callable[[Mapping[str, Array]], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A result, its width, and what each input gives to it, in the result's unit."""

    value: Array
    width: Array
    parts: Mapping[str, Array]


def spread(model: Model, inputs: Mapping[str, npt.ArrayLike], widths: Mapping[str, npt.ArrayLike], allowed: Mapping[str, tuple[float, float]] | None = None) -> Spread:
    """Half the difference of the result with an input moved up and down by its width; `allowed` keeps an input in its physical range.

    >>> found = spread(lambda x: 0.7 * x["wet"] + 0.3 * x["globe"], {"wet": 26.0, "globe": 34.0}, {"wet": 0.5, "globe": 0.5})
    >>> round(float(found.value), 2), round(float(found.width), 3)
    (28.4, 0.381)
    """
    base = dict(zip(inputs, np.broadcast_arrays(*(np.asarray(given, dtype=np.float64) for given in inputs.values())), strict=True))
    parts = {name: np.abs(model(_moved(base, name, width, 1.0, allowed)) - model(_moved(base, name, width, -1.0, allowed))) / 2.0 for name, width in widths.items()}
    total = np.sqrt(np.sum([part**2 for part in parts.values()], axis=0))
    return Spread(value=model(base), width=np.asarray(total), parts=parts)


def _moved(base: Mapping[str, Array], name: str, width: npt.ArrayLike, sign: float, allowed: Mapping[str, tuple[float, float]] | None) -> dict[str, Array]:
    low, high = (allowed or {}).get(name, (-np.inf, np.inf))
    return {**base, name: np.clip(base[name] + sign * np.asarray(width, dtype=np.float64), low, high)}
