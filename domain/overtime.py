"""Overtime records: time worked outside the shift plan, dated, of one zone and shift, never deleted."""

from __future__ import annotations

import msgspec

from domain.agreements import Signature, both_agree
from domain.times import parse_instant


class Overtime(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work of one zone from `start` to `stop`, which belongs to the named shift of a local date. Taking it back makes results less strict: both sides have to."""

    id: str
    zone: str  # site.zone
    date: str
    shift: str
    start: str
    stop: str
    withdrawals: list[Signature] = []

    @property
    def start_us(self) -> int:
        return parse_instant(self.start)

    @property
    def stop_us(self) -> int:
        return parse_instant(self.stop)

    @property
    def stands(self) -> bool:
        return not both_agree(self.withdrawals)
