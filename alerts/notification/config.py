"""The file that names a centre's channels beside e-mail: gateways, webhooks, sirens. Secrets stand in files of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from alerts.notification.http import Gateway, Webhook
from alerts.notification.siren import TOPIC
from domain.clock import Clock
from domain.errors import BadInput
from domain.yamltext import line_of, parse_yaml

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$")]
Url = Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=2000)]
TAKEN = ("smtp", "siren")


class GatewaySpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    reaches: Literal["phone", "chat", "email"]
    url: Url
    method: Literal["GET", "POST", "PUT"] = "POST"
    headers: dict[str, str] = {}
    body: str = ""
    content_type: str = "application/json"
    prove_url: str = ""
    is_short: bool = True
    secret_file: str = ""


class WebhookSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    url: Url
    secret_file: Annotated[str, Meta(min_length=1)]
    site: str = ""  # "": every site


class SirenSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    topic: Annotated[str, Meta(pattern=r"^[^#+]*\{site\}[^#+]*$", max_length=200)] = TOPIC
    sites: list[str] = []  # none named: all


class ChannelsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    gateways: list[GatewaySpec] = []
    webhooks: list[WebhookSpec] = []
    siren: SirenSpec | None = None


def load_channels(path: Path) -> ChannelsFile:
    """Raises `BadInput` with file, line and field."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(path), field="OSHWATCH_NOTIFY_FILE", remedy="check the path") from None
    file = parse_yaml(text, ChannelsFile, source=str(path))
    seen = set(TAKEN)
    named = {"gateways": [spec.name for spec in file.gateways], "webhooks": [spec.name for spec in file.webhooks]}
    for part, names in named.items():
        for number, name in enumerate(names):
            if name in seen:
                raise BadInput(
                    f"'{name}' is taken", source=str(path), line=line_of(text, part, number, "name"), field=f"{part}[{number}].name", remedy="give each channel its own name"
                )
            seen.add(name)
    return file


def channels_of(file: ChannelsFile, folder: Path, clock: Clock) -> Sequence[Gateway | Webhook]:
    """The notifiers; a secret's path is relative to the file."""
    found: list[Gateway | Webhook] = []
    for gateway in file.gateways:
        fields = {name: getattr(gateway, name) for name in GatewaySpec.__struct_fields__ if name != "secret_file"}
        found.append(Gateway(**fields, secret=_secret(folder, gateway.secret_file)))
    return [*found, *(Webhook(one.name, one.url, _secret(folder, one.secret_file).encode(), clock, site=one.site) for one in file.webhooks)]


def _secret(folder: Path, name: str) -> str:
    if not name:
        return ""
    try:
        secret = (folder / name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadInput(f"{folder / name}: {error.strerror}", field="secret_file", remedy="check the path and its permissions") from None
    if not re.fullmatch(r"\S{8,}", secret):
        raise BadInput(f"{folder / name} holds no secret", field="secret_file", remedy="one line of at least 8 characters without a space")
    return secret
