"""Processes of a zone, and the hazards that each is known to bring: what a monitoring plan is proposed from, never what it says by itself."""

from __future__ import annotations

from collections.abc import Mapping

PROCESSES: Mapping[str, tuple[str, ...]] = {
    "boiler": ("heat", "noise", "gas:co"),
    "cutting": ("dust", "noise"),
    "dyeing": ("heat", "noise"),
    "embroidery": ("noise",),
    "foundry": ("heat", "noise", "dust"),
    "generator": ("noise", "gas:co", "gas:no2"),
    "gluing": ("air_quality",),
    "ironing": ("heat",),
    "laundry": ("heat", "noise"),
    "packing": ("air_quality",),
    "plastics": ("heat", "noise"),
    "printing": ("noise", "air_quality"),
    "resin_finishing": ("heat", "gas:formaldehyde"),
    "sanding": ("dust", "noise"),
    "sewing": ("dust", "noise", "air_quality"),
    "spinning": ("dust", "noise", "heat"),
    "spot_cleaning": ("air_quality",),
    "warehouse": ("air_quality",),
    "weaving": ("dust", "noise", "heat"),
    "welding": ("noise", "dust", "gas:o3", "gas:no2"),
}
"""Solvents, dyes and other substances come from the register: a process does not tell which are used."""
