"""The context file of `oshwatch assess`: a registry file, and beside it the laboratory results of its zones."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from assess.outcome import Sample
from domain.errors import BadInput
from domain.ids import zone_id
from domain.lab import LabResult, check_lab_result, check_set
from domain.registry import SiteFile
from domain.sitefile import check_site_file
from domain.yamltext import line_of, parse_yaml


class ContextLabResult(LabResult, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A laboratory's result, and the zone of the file that it is of."""

    zone: str


class ContextFile(SiteFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registry file with laboratory results; a registry import takes none, they are entered one by one."""

    lab_results: list[ContextLabResult] = msgspec.field(default_factory=list)


def parse_context_file(text: str, source: str, now_us: int) -> ContextFile:
    """Raises `BadInput` with line and field for the first thing that is wrong."""
    file = parse_yaml(text, ContextFile, source=source)
    check_site_file(file, text, source)
    zones = [zone.id for zone in file.zones]
    for number, result in enumerate(file.lab_results):
        try:
            _check(result, file.lab_results[:number], zones, now_us)
        except BadInput as error:
            line = line_of(text, "lab_results", number, error.field) or line_of(text, "lab_results", number)
            raise BadInput(error.message, source=source, line=line, field=f"lab_results[{number}].{error.field}", remedy=error.remedy) from None
    return file


def _check(result: ContextLabResult, before: Sequence[ContextLabResult], zones: Sequence[str], now_us: int) -> None:
    if result.zone not in zones:
        raise BadInput(f"no zone '{result.zone}' in this file", field="zone", remedy="known: " + ", ".join(zones))
    if result.supersedes is not None:
        raise BadInput("is for results that are on record", field="supersedes", remedy="leave the wrong result out of the file")
    check_lab_result(result, now_us)
    check_set(result, [one for one in before if one.zone == result.zone])


def samples_of(context: SiteFile | None) -> dict[str, list[Sample]]:
    """Its laboratory results by zone, numbered from 1 as they stand in the file."""
    found: dict[str, list[Sample]] = {}
    if isinstance(context, ContextFile):
        for number, result in enumerate(context.lab_results, start=1):
            plain = LabResult(**{name: getattr(result, name) for name in LabResult.__struct_fields__})
            found.setdefault(zone_id(context.site.id, result.zone), []).append(Sample(id=number, root=number, result=plain))
    return found
