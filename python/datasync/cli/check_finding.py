"""What a check found."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from datasync.errors import DatasyncError
from datasync.http.redact import redact


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        check: its name, which never changes.
        result: `failed` keeps a run from starting, or would spoil it; a `warning` is worth knowing.
        text: what was found.
        hint: what to do about it, or None.
        code: of the error, if there was one.
    """

    check: str
    result: Literal["ok", "warning", "failed"]
    text: str
    hint: str | None = None
    code: str | None = None

    def masked(self, mask: Callable[[str], str]) -> "Finding":
        """The same without secrets."""
        hint = None if self.hint is None else redact(mask(self.hint))
        return msgspec.structs.replace(self, text=redact(mask(self.text)), hint=hint)


Found: TypeAlias = Callable[[Finding], None]
"""Takes a finding as soon as it is there."""


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, hint: str) -> Finding:
    """A run will start, but."""
    return Finding(check, "warning", text, hint)


def failed(check: str, error: DatasyncError, *, hint: str | None = None) -> Finding:
    """A run would end with this error; `hint` is for one that has none."""
    return Finding(check, "failed", str(error), error.hint or hint, error.code)
