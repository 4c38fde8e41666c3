"""`oshwatch keys` and `oshwatch concerns`: key pairs of the worker side and the inspectorate, and reading what was sealed for them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from domain.errors import BadInput, Refused
from domain.times import to_rfc3339
from oshwatch.parts import prepare
from oshwatch.settings import load_settings


def generate(options: argparse.Namespace) -> None:
    """No database and no network: for a computer of one's own."""
    from console.sealing import fingerprint, new_key, public_key_of

    private, public = new_key()
    print(f"public key, for `oshwatch keys create --public-key` at the centre (fingerprint {fingerprint(public_key_of(public))}):")
    print(public)
    print("private key: keep it on paper or on a stick, show it to nobody; without it nothing can be read:")
    print(private)


def create(options: argparse.Namespace) -> None:
    """Stores a public key; without one it makes the pair, and prints the private key once, alone on the last line."""
    from console.sealing import fingerprint, new_key, public_key_of
    from storage.records.concerns import ConcernsRepository
    from storage.records.registry import RegistryRepository

    settings = load_settings(config=options.config)
    if settings.operator != "administration":
        raise Refused("a centre that the employer runs takes no concerns: OSHWATCH_OPERATOR is factory")
    engine = prepare(settings)
    if options.site not in RegistryRepository(engine).load().latest().sites:
        raise BadInput(f"no site '{options.site}'", field="--site", remedy="oshwatch registry import")
    repository = ConcernsRepository(engine)
    if options.side in repository.keys(options.site) and not options.replace:
        raise BadInput(f"the {options.side} side of {options.site} has a key", field="--side", remedy="--replace; what was sealed before still needs the old one")
    private, public = ("", options.public_key) if options.public_key else new_key()
    repository.add_key(options.site, options.side, public_key_of(public), by="command line", now_us=settings.clock.now_us())
    print(f"{options.site}: public key of the {options.side} side stored, fingerprint {fingerprint(public_key_of(public))}; it stands on the site's page of concerns")
    if private:
        print("private key, shown once: whoever made it here could have kept it; `oshwatch keys generate` on a computer of one's own is safer")
        print(private)


def list_keys(options: argparse.Namespace) -> None:
    from console.sealing import fingerprint
    from storage.records.concerns import ConcernsRepository

    keys = ConcernsRepository(prepare(load_settings(config=options.config))).keys(options.site)
    for key in keys.values():
        print(f"{options.site}\t{key.side}\t{fingerprint(key.public_key)}\t{to_rfc3339(key.made_us)}\t{key.made_by}")
    if not keys:
        print(f"{options.site} has no key: concerns are not taken", file=sys.stderr)


def read(options: argparse.Namespace) -> int:
    """1 where something stayed closed to this key."""
    from console.sealing import SealedFile, opened, private_key_of

    key = private_key_of(_read(options.key).decode(errors="replace"))
    try:
        sealed = msgspec.json.decode(_read(options.input), type=SealedFile)
    except msgspec.DecodeError as error:
        raise BadInput(f"is no sealed file: {error}", source=str(options.input), remedy="take it from the site's page of concerns") from None
    found, closed = opened(sealed.sealed, key)
    for concern in found:
        print(f"{concern.date}\t{concern.shift}\t{' '.join(concern.zones)}\t{concern.kind}\t{' '.join(concern.text.split())}")
    print(f"{len(found)} opened, {closed} not", file=sys.stderr)
    return 1 if closed else 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(path), remedy="check the path") from None
