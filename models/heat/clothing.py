"""Clothing adjustment values: what an ensemble adds to the WBGT, K. ISO 7243:2017 clause 6 and Annex F, as the Japanese ministry's tables after JIS Z 8504:2021 print them.

Not for encapsulating suits, nor for several layers. ACGIH's values differ for nonwovens (SMS +0.5, polyolefin +1) and are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """One kind of clothing; `verified` when a table that prints the value was seen."""

    id: str
    name: str
    cav_k: float
    verified: bool = True


_ALL = (
    Ensemble(id="work_clothes", name="Work clothes, long sleeves, woven", cav_k=0.0),
    Ensemble(id="cloth_coveralls", name="Cloth coveralls over underwear", cav_k=0.0),
    Ensemble(id="sms_coveralls", name="Nonwoven SMS coveralls, one layer", cav_k=0.0),
    Ensemble(id="polyolefin_coveralls", name="Nonwoven polyolefin coveralls, one layer", cav_k=2.0),
    Ensemble(id="double_layer", name="Two layers of woven clothing", cav_k=3.0),
    Ensemble(id="vapour_barrier_apron", name="Long vapour-barrier apron over cloth coveralls", cav_k=4.0),
    Ensemble(id="vapour_barrier_coveralls", name="Vapour-barrier coveralls, one layer, no hood", cav_k=10.0),
    Ensemble(id="vapour_barrier_coveralls_hood", name="Vapour-barrier coveralls with hood", cav_k=11.0),
    Ensemble(id="vapour_barrier_over_cloth", name="Vapour-barrier over cloth coveralls, no hood", cav_k=12.0, verified=False),
)

ENSEMBLES: Mapping[str, Ensemble] = MappingProxyType({ensemble.id: ensemble for ensemble in _ALL})
HOOD_K = 1.0
"""A hood adds 1 K to an ensemble without one: the id with `+hood`."""


def clothing_adjustment_k(clothing: str) -> float | None:
    """The value for a clothing id; None for one that no table has.

    >>> clothing_adjustment_k("vapour_barrier_apron"), clothing_adjustment_k("cloth_coveralls+hood"), clothing_adjustment_k("space suit")
    (4.0, 1.0, None)
    """
    base, plus, rest = clothing.partition("+")
    ensemble = ENSEMBLES.get(base)
    if ensemble is None or (plus and rest != "hood"):
        return None
    return ensemble.cav_k + (HOOD_K if plus else 0.0)
