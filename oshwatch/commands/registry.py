"""`oshwatch registry`: a registry file in, or out."""

from __future__ import annotations

import argparse
import getpass

import msgspec
import yaml

from domain.errors import BadInput
from domain.registry import SiteFile
from domain.times import to_rfc3339
from domain.yamltext import line_of
from oshwatch.files import read_text
from oshwatch.parts import prepare
from oshwatch.settings import load_settings
from storage.records.registry import ImportReport, RegistryRepository


def import_file(options: argparse.Namespace) -> None:
    from domain.sitefile import parse_site_file

    settings = load_settings(config=options.config)
    text = read_text(options.file)
    file = parse_site_file(text, str(options.file))
    _check_profiles(file, text, str(options.file))
    repository = RegistryRepository(prepare(settings))
    report = repository.import_file(file, valid_from_us=None, author=options.by or _login(), reason=options.reason, now_us=settings.clock.now_us())
    _show(report)


def _check_profiles(file: SiteFile, text: str, source: str) -> None:
    """A profile that is not installed would never be held against anything."""
    from models.limits import load_profiles

    installed = load_profiles()
    for number, profile in enumerate(file.site.profiles):
        if profile not in installed:
            line = line_of(text, "site", "profiles", number)
            raise BadInput(
                f"there is no limit profile '{profile}'", source=source, line=line, field=f"site.profiles[{number}]", remedy="`oshwatch limits list` names those installed"
            )


def export(options: argparse.Namespace) -> None:
    settings = load_settings(config=options.config)
    file = RegistryRepository(prepare(settings)).export(options.site, settings.clock.now_us())
    print(yaml.safe_dump(_compact(msgspec.to_builtins(file)), sort_keys=False, allow_unicode=True, width=160), end="")


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _show(report: ImportReport) -> None:
    from assess.contested import shown_change

    for change in report.changes:
        print(f"{change.what} {change.kind}{'' if change.kind == change.id else f' {change.id}'}" + "".join(f"\n  {field}" for field in change.fields))
    for kind, thing in report.not_mentioned:
        print(f"kept {kind} {thing} (the file does not mention it)")
    if report.contested is not None:
        print(f"contested until both sides agree ({report.contested.id}):")
        for milder in report.contested.milder:
            print(f"  {shown_change(milder)}")
    since = "always" if report.valid_from_us < 0 else to_rfc3339(report.valid_from_us)
    print(f"{report.site}: {len(report.changes)} change{'s' if len(report.changes) != 1 else ''}, in force from {since}" if report.changes else f"{report.site}: nothing new")


def _compact(value: object) -> object:
    """Without what says nothing, so that a file reads as a person would write it; a check that failed, and a count of nobody, say something."""
    if isinstance(value, dict):
        return {key: _compact(inner) for key, inner in value.items() if (inner is not False or key == "pass") and inner not in (None, "", [], {})}
    return [_compact(inner) for inner in value] if isinstance(value, list | tuple) else value
