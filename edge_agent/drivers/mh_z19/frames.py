"""Frames built from the manual's facts, with what they mean (hex, ppm)."""

from __future__ import annotations

FRAMES: tuple[tuple[str, int], ...] = (
    ("ff 86 02 20 00 00 00 00 58", 544),
    ("ff 86 03 e8 41 00 00 00 4e", 1000),
    ("ff 86 01 9a 40 00 00 00 9f", 410),
    ("ff 86 12 c0 45 00 00 00 63", 4800),
)
BROKEN = "ff 86 03 e8 41 00 00 00 4f"
"""The second frame with its checksum off by one."""
SENTINEL = "ff 86 00 00 41 00 00 00 39"
"""0 ppm: no reading."""
ECHO = "ff 79 00 00 00 00 00 00 87"
"""What some firmware says to the command that turns ABC off."""
