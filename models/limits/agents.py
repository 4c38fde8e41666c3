"""What every profile must speak of, with a limit, a general duty or a reason: heat, noise, and the gases, vapours and dusts of garment and footwear factories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from domain.quantities import is_cas

_GROUP = re.compile(r"(dust|group):[a-z][a-z_]*")
_PHYSICAL = ("heat", "noise", "microclimate")

AGENTS: Mapping[str, str] = MappingProxyType(
    {
        "heat": "Heat",
        "noise": "Noise",
        "108-88-3": "Toluene",
        "95-47-6": "o-Xylene",
        "108-38-3": "m-Xylene",
        "106-42-3": "p-Xylene",
        "67-64-1": "Acetone",
        "78-93-3": "2-Butanone (MEK)",
        "110-54-3": "n-Hexane",
        "110-82-7": "Cyclohexane",
        "108-87-2": "Methylcyclohexane",
        "142-82-5": "n-Heptane",
        "141-78-6": "Ethyl acetate",
        "123-86-4": "n-Butyl acetate",
        "108-10-1": "Hexone (MIBK)",
        "67-63-0": "Isopropyl alcohol",
        "67-56-1": "Methyl alcohol",
        "64-17-5": "Ethyl alcohol",
        "127-18-4": "Tetrachloroethylene",
        "79-01-6": "Trichloroethylene",
        "75-09-2": "Methylene chloride",
        "50-00-0": "Formaldehyde",
        "7664-41-7": "Ammonia",
        "7782-50-5": "Chlorine",
        "10049-04-4": "Chlorine dioxide",
        "7783-06-4": "Hydrogen sulphide",
        "7446-09-5": "Sulphur dioxide",
        "10102-44-0": "Nitrogen dioxide",
        "10102-43-9": "Nitric oxide",
        "630-08-0": "Carbon monoxide",
        "124-38-9": "Carbon dioxide",
        "10028-15-6": "Ozone",
        "64-19-7": "Acetic acid",
        "64-18-6": "Formic acid",
        "7722-84-1": "Hydrogen peroxide",
        "584-84-9": "Toluene-2,4-diisocyanate (TDI)",
        "101-68-8": "Methylene bisphenyl isocyanate (MDI)",
        "68-12-2": "Dimethylformamide",
        "71-43-2": "Benzene",
        "100-42-5": "Styrene",
        "1310-73-2": "Sodium hydroxide",
        "7664-93-9": "Sulphuric acid",
        "7647-01-0": "Hydrogen chloride",
        "7439-96-5": "Manganese compounds (as Mn)",
        "dust:general": "Dust without a limit of its own",
        "dust:cotton": "Cotton dust",
        "14808-60-7": "Respirable crystalline silica (quartz)",
    }
)


def is_agent(text: str) -> bool:
    """Whether a limit may be for it.

    >>> is_agent("noise"), is_agent("108-88-3"), is_agent("108-88-4"), is_agent("dust:cotton")
    (True, True, False, True)
    """
    return text in _PHYSICAL or is_cas(text) or _GROUP.fullmatch(text) is not None
