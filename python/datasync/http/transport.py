"""What the pipeline asks of HTTP: one method. `HttpxTransport` is the real one."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from datasync.model import Request


class Answer(msgspec.Struct, frozen=True):
    """A complete answer, whatever its status.

    Attributes:
        headers: lower-case names.
        body: content encoding undone. Of an error it is the beginning, or nothing if that can't be decompressed.
        wire_bytes: size of the body as it came.
        received_us: wall clock at receipt, microseconds since 1970 UTC.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    wire_bytes: int
    received_us: int


class Room(Protocol):
    """What an answer may take of the run's memory."""

    @property
    def limit(self) -> int:
        """Bytes of the largest answer."""
        ...

    async def cover(self, page: int) -> None:
        """Wait until there is room for an answer of so many bytes, at most `limit`."""
        ...


class Transport(Protocol):
    """Sends requests to the configured API, with its credentials."""

    async def get(self, request: Request, room: Room | None = None) -> Answer:
        """Ask and give the complete answer, which takes no more than `room`; without one no more than a setting says.

        Raises:
            NetworkError: no complete answer came in time.
            TlsFailed, ProxyRefused, ContractChanged: none can come; asking again is of no use.
            PageDamaged: the body of a 200 can't be decompressed, or is longer than its headers say.
            PageTooLarge: it is larger than the limit, as it came or decompressed.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
