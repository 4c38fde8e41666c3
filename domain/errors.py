"""One root for every error of the house; the leaves say what the caller should do."""

from __future__ import annotations


class OshwatchError(Exception):
    """Root of every error that the house raises on purpose."""


class BadInput(OshwatchError):
    """A file, setting or argument is wrong: say what, where and what to do; the command line exits with 2."""

    def __init__(self, message: str, *, source: str = "", line: int | None = None, field: str = "", remedy: str = "") -> None:
        self.message, self.source, self.line, self.field, self.remedy = message, source, line, field, remedy
        where = ":".join(part for part in (source, str(line) if line else "") if part)
        text = f"{where}: " if where else ""
        text += f"{field}: " if field else ""
        text += message
        text += f" ({remedy})" if remedy else ""
        super().__init__(text)


class NotReady(OshwatchError):
    """A server or database does not answer now: wait and try again, nothing is lost."""


class Refused(OshwatchError):
    """The caller may not do this, or not now; the text says why."""


class Conflict(OshwatchError):
    """What is asked does not fit the state that the thing is in now; the text says why."""


class NotFound(OshwatchError):
    """No such thing for this caller."""
