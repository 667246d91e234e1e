"""What the commands of `datasync state` have in common: options, and the form of an export."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from datasync import envvars
from datasync.cli import options
from datasync.model import PartitionState
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import streams
from datasync.sinks.postgres.streams import Stream

option = options.of(envvars.STATE)
"""Makes the options of these commands."""

VERSION: Final = 1
"""Of the form of an export."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A partition.

    Attributes:
        number: from 0.
        since_ms, until_ms: its window, half-open, in milliseconds since 1970 UTC; None is without end.
        since_value, until_value: the same of an endpoint with a parent, in values of the parent.
        complete: it was read to its end.
        pages, served: that were stored.
        cursor: of its next page; None is the first.
        position: the place in terms that don't expire, or None.
    """

    number: int
    since_ms: int | None
    until_ms: int | None
    since_value: str | None = None
    until_value: str | None = None
    complete: bool
    pages: int
    served: int
    cursor: str | None
    position: Any


class Known(msgspec.Struct, frozen=True):
    """All that is known of a stream."""

    stream: Stream
    partitions: Sequence[Part]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What `datasync state export` writes.

    Attributes:
        version: of this form.
        exported_at: by the clock of the machine that wrote it.
        streams: by name.
    """

    version: int
    exported_at: datetime
    streams: Sequence[Known]


async def known(connection: Connection, stream: Stream) -> Known:
    """Read a stream's partitions, too."""
    parts = await streams.read_partitions(connection, stream.stream)
    return Known(stream, [_part(part) for part in parts])


def _part(part: PartitionState) -> Part:
    return Part(
        number=part.number,
        since_ms=part.window.since,
        until_ms=part.window.until,
        since_value=part.window.since_value,
        until_value=part.window.until_value,
        complete=part.checkpoint.complete,
        pages=part.checkpoint.pages,
        served=part.checkpoint.served,
        cursor=part.checkpoint.cursor,
        position=msgspec.to_builtins(part.checkpoint.position),
    )
