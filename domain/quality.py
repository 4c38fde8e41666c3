"""Quality indicator and reason codes of a reading: OMA LwM2M object 509, with the house's codes in its vendor block."""

from __future__ import annotations

from enum import IntEnum


class Quality(IntEnum):
    """Object 509, resource 6042. A reading counts in a minute from `SUSPICIOUS` up; at `REJECTED` and below it reads as no value."""

    UNCHECKED = 0
    REJECTED = 1
    PROBABLY_REJECTED = 2
    SUSPICIOUS = 3
    ACCEPTED = 4


COUNTS_FROM = Quality.SUSPICIOUS


class Reason(IntEnum):
    """Why a reading has its quality: 0-15 as object 509 numbers them, 128 and up are ours."""

    UNKNOWN = 0
    UNDER_RANGE = 1
    OVER_RANGE = 2
    NOISY = 3
    STUCK_VALUE = 4
    STEP_TOO_HIGH = 5
    CALIBRATION_EXPIRED = 6
    WARMING_UP = 7
    SERVICE_MODE = 8
    HUMAN_INTERFERENCE = 9
    NATURAL_INTERFERENCE = 10
    CONTAMINATION = 11
    HW_FAILURE = 12
    LACK_OF_DATA_SAMPLES = 13
    OUT_OF_OPERATING_RANGE = 14
    AUTO_CALIBRATION = 15
    CLOCK_UNSYNCED = 128
    CROSS_INTERFERENCE = 129
    BUMP_TEST_FAILED = 130
    SIMULATED = 131
    BACKFILLED = 132
    BELOW_DETECTION = 133
    SATURATED = 134
