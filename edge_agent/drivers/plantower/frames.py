"""Frames built from the data sheets' facts, with what they mean: test vectors, and something to try the driver with. (hex, pm1, pm2.5, pm10)."""

from __future__ import annotations

IDLE = "42 4d 00 1c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 97 00 01 42"
"""All counts zero; its checksum ends in the byte that a frame begins with."""

FRAMES: tuple[tuple[str, int, int, int], ...] = (
    (IDLE, 0, 0, 0),
    # 32 bytes: CF=1 words 5, 9, 12; atmospheric 4, 8, 11
    ("42 4d 00 1c 00 05 00 09 00 0c 00 04 00 08 00 0b 03 e8 01 2c 00 64 00 0a 00 02 00 01 97 00 02 fc", 4, 8, 11),
    # 24 bytes (PMS3003): CF=1 words 21, 34, 40; atmospheric 20, 33, 39
    ("42 4d 00 14 00 15 00 22 00 28 00 14 00 21 00 27 00 00 00 00 00 51 01 af", 20, 33, 39),
    # 40 bytes (PMS5003ST): atmospheric 6, 13, 14; formaldehyde 3, temperature 28.4, humidity 61.2
    ("42 4d 00 24 00 06 00 0d 00 0e 00 06 00 0d 00 0e 02 58 00 c8 00 46 00 05 00 01 00 00 00 03 01 1c 02 64 00 00 97 00 03 80", 6, 13, 14),
)
BROKEN = "42 4d 00 1c 00 05 00 09 00 0c 00 04 00 08 00 0b 03 e8 01 2c 00 64 00 0a 00 02 00 01 97 00 02 fd"
"""The second frame with its checksum off by one."""
COMMAND_ACK = "42 4d 00 04 e1 01 01 75"
"""What the sensor answers to a change of mode: no reading."""
