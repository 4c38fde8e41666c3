"""Substances that harm hearing by themselves, and more so together with noise; no exposure limit for noise or for them counts the other.

OSHA and NIOSH, Safety and Health Information Bulletin 03-08-2018 (DHHS 2018-124), table of ototoxicants: solvents and asphyxiants. Recalled, not read: it makes a note and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

OTOTOXIC: Mapping[str, str] = MappingProxyType(
    {
        "108-88-3": "toluene",
        "1330-20-7": "xylenes",
        "95-47-6": "xylenes",
        "108-38-3": "xylenes",
        "106-42-3": "xylenes",
        "100-42-5": "styrene",
        "100-41-4": "ethylbenzene",
        "110-54-3": "n-hexane",
        "79-01-6": "trichloroethylene",
        "75-15-0": "carbon disulphide",
        "630-08-0": "carbon monoxide",
        "74-90-8": "hydrogen cyanide",
    }
)


def is_ototoxic(cas: str) -> bool:
    """Whether the substance is on the list.

    >>> is_ototoxic("108-88-3"), is_ototoxic("67-64-1")
    (True, False)
    """
    return cas in OTOTOXIC
