"""Photos and papers of reviews, kept in a directory under the hash of their content."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from domain.errors import BadInput, NotFound, NotReady

SIZE_MAX = 10 * 1024 * 1024
NAME_MAX = 120
_MAGIC = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/webp": (b"RIFF",),
    "application/pdf": (b"%PDF-",),
}
"""What may be kept, and how such a file begins: the sender's word for its type is not enough."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


class EvidenceFiles:
    """A file is written once and never changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, content: bytes) -> tuple[str, str]:
        """(sha256, media type); durable when it returns. Raises `BadInput` for what is too large or of no kind that is taken."""
        media_type = kind_of(content)
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if not path.exists():
            _write(path, content)
        return digest, media_type

    def read(self, digest: str) -> bytes:
        """Its content, looked at again: a file that no longer has its hash is not handed out."""
        if not _SHA256.fullmatch(digest) or not self._path(digest).is_file():
            raise NotFound("no such file")
        content = self._path(digest).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise NotReady("the file on disk no longer has the hash under which it was kept")
        return content

    def _path(self, digest: str) -> Path:
        return self._directory / digest[:2] / digest


def kind_of(content: bytes) -> str:
    if not content:
        raise BadInput("is empty", field="file", remedy="choose a photo or a PDF")
    if len(content) > SIZE_MAX:
        raise BadInput("is too large", field="file", remedy=f"at most {SIZE_MAX // 1024 // 1024} MB")
    for media_type, beginnings in _MAGIC.items():
        if content.startswith(beginnings) and (media_type != "image/webp" or content[8:12] == b"WEBP"):
            return media_type
    raise BadInput("is neither a photo (JPEG, PNG, WebP) nor a PDF", field="file", remedy="choose a photo or a PDF")


def clean_name(name: str) -> str:
    """The last part of a path, without what a terminal or a header would take amiss."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^\w.\- ()]", "_", last).strip()[:NAME_MAX] or "file"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
    with draft.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
