"""How an answer goes out: whole, or damaged in the ways that only the connection itself can be."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

from starlette.types import Receive, Scope, Send

from datasync.simulator.chaos import chaos_headers
from datasync.simulator.reply import Reply
from datasync.simulator.served import Served

#: Key of the ASGI scope's extension under which the server hands over its transport.
EXTENSION = "datasync.simulator"

_SLOW_PIECES = 16
# Bytes that may wait in the process before a writer pauses: uvloop's own default, put back after each answer.
_HIGH_WATER = 65_536


class Wire:
    """Writes one answer. Without the server's transport (in-process tests) a connection's death is an exception."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, slow_seconds: float) -> None:
        self._receive = receive
        self._send = send
        self._slow_seconds = slow_seconds
        self._transport: asyncio.Transport | None = scope.get("extensions", {}).get(EXTENSION, {}).get("transport")

    async def write(self, reply: Reply, damage: str | None, kinds: tuple[str, ...], entry: Served) -> None:
        """Write an answer, damaged as told, and mark its entry once the last byte is with the kernel."""
        if damage == "reset":
            await self._reset()
            return
        headers = {**reply.headers, **chaos_headers(kinds), "Content-Type": reply.content_type}
        headers["Content-Length"] = str(sum(map(len, reply.parts)))
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": raw})
        if damage == "truncate":
            await self._truncate(b"".join(reply.parts))
            return
        if damage == "slow":
            await self._drip(b"".join(reply.parts))
        else:
            for part in reply.parts:
                await self._piece(part)
        entry.complete = await self._drained()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _piece(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _drained(self) -> bool:
        """Wait until the kernel has all that was written; tell whether the client was still there then."""
        if self._transport is None:
            return True
        # A client that was killed may have gone at any point; a transport that is closed takes no more settings.
        if not self._transport.is_closing():
            self._transport.set_write_buffer_limits(high=0)
            await self._piece(b"")
        if self._transport.is_closing():
            return False
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)
        return True

    async def _drip(self, body: bytes) -> None:
        size = max(1, -(-len(body) // _SLOW_PIECES))
        for at in range(0, len(body), size):
            await asyncio.sleep(self._slow_seconds / _SLOW_PIECES)
            await self._piece(body[at : at + size])

    async def _truncate(self, body: bytes) -> None:
        await self._piece(body[: len(body) * 2 // 3])
        await self._drained()
        if self._transport is None:
            raise ConnectionResetError("truncated by the simulated API")
        self._transport.close()
        await self._gone()

    async def _reset(self) -> None:
        if self._transport is None:
            raise ConnectionResetError("reset by the simulated API")
        # Lingering for no time turns the close into a RST. The option belongs to the socket, so a copy of its
        # descriptor will do; uvloop does not let its own be changed.
        with socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno())) as copy:
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
        await self._gone()

    async def _gone(self) -> None:
        """Wait until the server knows that the connection is closed; else it would complain of an unfinished answer."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
