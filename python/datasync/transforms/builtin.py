"""Transforms that come with datasync."""

from typing import Any

from datasync import hookspecs
from datasync.plugins import Register


def identity(record: dict[str, Any]) -> dict[str, Any]:
    """Give the record back unchanged: the record lane and nothing else. For comparing the lanes."""
    return record


@hookspecs.hookimpl
def register_transforms(register: Register) -> None:
    """Offer `identity`."""
    register("identity", identity)
