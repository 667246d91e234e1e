"""What all errors have in common, and those of the set-up."""

from typing import ClassVar, Final

EXIT_DONE: Final = 0
EXIT_LEFT: Final = 1
"""Ended with something left to do; running again goes on from the checkpoint."""
EXIT_SETUP: Final = 2
"""Could not run; nothing was written."""


class DatasyncError(Exception):
    """Base of all errors that datasync raises.

    Attributes:
        code: a stable name for scripts and searches; it never changes.
        hint: what to do about it, or None.
        exit_code: what the process ends with.
    """

    code: ClassVar[str] = "error"
    exit_code: int = EXIT_LEFT

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(DatasyncError):
    """The set-up is wrong. Raised before the first request."""

    code = "config"
    exit_code = EXIT_SETUP


class PluginError(DatasyncError):
    """A plugin can't be loaded, clashes with another, or broke its contract."""

    code = "plugin"
    exit_code = EXIT_SETUP


class EndpointsFailed(DatasyncError):
    """Some of several endpoints failed. The others are complete."""

    code = "endpoints_failed"


class ParentIncomplete(DatasyncError):
    """An endpoint is read once for each row of another one, which failed."""

    code = "parent_incomplete"


class Interrupted(DatasyncError):
    """A signal ended the run after a clean checkpoint."""

    code = "interrupted"

    def __init__(self, signal_number: int) -> None:
        super().__init__("ingestion interrupted", hint="run again to go on from the checkpoint")
        self.exit_code = 128 + signal_number


def error_codes() -> frozenset[str]:
    """The codes of all errors."""

    def below(kind: type[DatasyncError]) -> set[str]:
        return {kind.code}.union(*(below(sub) for sub in kind.__subclasses__()))

    return frozenset(below(DatasyncError))
