"""What a photo-ionisation detector can say about a mixture of solvents: it counts all vapours at once, in ppm of isobutylene, and names none.

Concentration of one vapour alone: reading times its response factor; of a mixture: reading over the sum of the mole shares divided by their factors (RAE Systems, Technical Note 106).
Nobody knows the shares of the moment, so the mixture index is bounded by the least and the most toxic composition that the declaration allows, and each factor, which tables give within
20 %, by its ends. Such a bound may show that a limit is exceeded; that one is kept needs a laboratory result in date. A vapour whose ionisation energy is over the lamp's is not seen at
all, and no bound covers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.airborne.censoring import Bounds
from models.arrays import Array

FACTOR_SPREAD = 0.2
LAMP_EV = 10.6
_ROUNDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A vapour of the declared mixture: response factor, ionisation energy, limit, and the least and most of the vapours' moles that it may be."""

    name: str
    response_factor: float
    ionisation_ev: float
    limit_ppm: float
    least_share: float = 0.0
    most_share: float = 1.0


def mixture_index_bounds(reading_ppm: float, components: Sequence[Component], *, lamp_ev: float = LAMP_EV, factor_spread: float = FACTOR_SPREAD) -> Bounds:
    """Sum of concentration over limit by the least and the most toxic composition; ValueError for a declaration that cannot be, or with a vapour that the lamp does not see.

    >>> toluene = Component(name="toluene", response_factor=0.5, ionisation_ev=8.82, limit_ppm=100.0)
    >>> hexane = Component(name="n-hexane", response_factor=4.3, ionisation_ev=10.18, limit_ppm=50.0, most_share=0.2)
    >>> found = mixture_index_bounds(50.0, [toluene, hexane], factor_spread=0.0)
    >>> round(float(found.low), 2), round(float(found.high), 2)
    (0.25, 0.36)
    """
    _check(components, lamp_ev)
    highest = _most([replace(one, response_factor=one.response_factor * (1.0 + factor_spread)) for one in components], 1.0)
    lowest = _most([replace(one, response_factor=one.response_factor * (1.0 - factor_spread)) for one in components], -1.0)
    return Bounds(low=np.asarray(reading_ppm * lowest), high=np.asarray(reading_ppm * highest))


def invisible(components: Sequence[Component], lamp_ev: float = LAMP_EV) -> list[str]:
    """Names of the vapours that the lamp does not ionise.

    >>> invisible([Component(name="dichloromethane", response_factor=1.0, ionisation_ev=11.32, limit_ppm=25.0)])
    ['dichloromethane']
    """
    return [one.name for one in components if one.ionisation_ev >= lamp_ev]


def _check(components: Sequence[Component], lamp_ev: float) -> None:
    if unseen := invisible(components, lamp_ev):
        raise ValueError(f"a lamp of {lamp_ev:g} eV does not see {', '.join(unseen)}")
    if any(not 0.0 <= one.least_share <= one.most_share <= 1.0 or one.response_factor <= 0.0 or one.limit_ppm <= 0.0 for one in components):
        raise ValueError("shares lie between 0 and 1, factors and limits over 0")
    if sum(one.least_share for one in components) > 1.0 + 1e-9 or sum(one.most_share for one in components) < 1.0 - 1e-9:
        raise ValueError("the declared shares cannot add up to 1")


def _most(components: Sequence[Component], sign: float) -> float:
    """Extreme of (sum of x/L) / (sum of x/R) over the allowed shares x: Dinkelbach's iteration, each step a filling of shares from the best component down."""
    harm, seen = (np.array([1.0 / value for value in values]) for values in ([one.limit_ppm for one in components], [one.response_factor for one in components]))
    shares = _filled(components, sign * harm)
    for _ in range(_ROUNDS):
        ratio = float(shares @ harm / (shares @ seen))
        better = _filled(components, sign * (harm - ratio * seen))
        if np.array_equal(better, shares):
            break
        shares = better
    return float(shares @ harm / (shares @ seen))


def _filled(components: Sequence[Component], worth: Array) -> Array:
    shares = np.array([one.least_share for one in components])
    left = 1.0 - float(shares.sum())
    for index in np.argsort(-worth, kind="stable"):
        more = min(left, components[index].most_share - components[index].least_share)
        shares[index] += more
        left -= more
    return shares
