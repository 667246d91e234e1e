"""One chain of cursors, from a checkpoint to its end."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import structlog

from datasync import _native
from datasync.config import Settings
from datasync.endpoints.base import Endpoint
from datasync.errors import (
    ContractChanged,
    CursorExpired,
    PageDamaged,
    RateLimited,
    RetriableSourceError,
    ServerError,
)
from datasync.http.budget import RetryBudget
from datasync.http.retry import retrying
from datasync.http.transport import Transport
from datasync.limits.governor import Governor
from datasync.model import Checkpoint, Chunk, RunStats
from datasync.pipeline.lanes import Lane
from datasync.pipeline.loops import LoopGuard

MAX_EMPTY_PAGES = 3
"""Pages in a row without records, while the API says there is more."""

MAX_CURSOR = 8192
"""Characters of a cursor; longer ones no server takes in a URL."""

MAX_RESEEKS = 3
"""Cursors in a row that the API calls expired although they were just built."""


class Partition:
    """Fetches and encodes one page after the other; the next request goes out as soon as the next cursor is known."""

    def __init__(
        self,
        endpoint: Endpoint,
        lane: Lane,
        transport: Transport,
        governor: Governor,
        settings: Settings,
        stats: RunStats,
        wait: Callable[[float], Awaitable[None]],
        budget: RetryBudget,
    ) -> None:
        self._endpoint = endpoint
        self._lane = lane
        self._transport = transport
        self._governor = governor
        self._settings = settings
        self._stats = stats
        self._wait = wait
        self._budget = budget
        # Not the loop's own executor, whose end the loop waits for: a transform that hangs must not hold the run.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode")
        self._cursor_since = float("-inf")  # when the cursor in hand was given; a stored one may be of any age

    async def pages(self, checkpoint: Checkpoint) -> AsyncIterator[tuple[Chunk, Checkpoint]]:
        """Yield each page with the checkpoint that is true once it is stored, from `checkpoint` to the end.

        Raises:
            SourceError: the chain can't go on. Pages yielded before are good.
        """
        empty = 0
        guard = LoopGuard()
        while not checkpoint.complete:
            asked = time.monotonic()
            chunk = await self._fetch(checkpoint)
            served = checkpoint.served + chunk.records
            # The most it has said: one page that says less, or nothing, must not make a short feed look whole.
            total = max(checkpoint.total or 0, chunk.total) if chunk.total is not None else checkpoint.total
            self._stats.total = total
            if chunk.has_more is False:
                # The sink proves the end. If it can't, the next run asks for this page again.
                yield (
                    chunk,
                    msgspec.structs.replace(
                        checkpoint, pages=checkpoint.pages + 1, served=served, total=total, complete=True
                    ),
                )
                return
            empty = 0 if chunk.records else empty + 1
            if empty > MAX_EMPTY_PAGES:
                raise ContractChanged(f"{empty} pages in a row had no records although the API says there is more")
            position = self._endpoint.position(chunk)
            if guard.returns(chunk, position):
                raise ContractChanged("the API's cursors go in circles: this page leads where an earlier one led")
            # A page without records tells no place of its own: the last one stands.
            position = position or checkpoint.position
            checkpoint = Checkpoint(chunk.next_cursor, position, checkpoint.pages + 1, served, total)
            self._cursor_since = asked
            yield chunk, checkpoint

    async def _fetch(self, checkpoint: Checkpoint) -> Chunk:
        cursor = checkpoint.cursor
        for reseeks in range(MAX_RESEEKS + 1):
            try:
                return await retrying(
                    partial(self._ask, checkpoint, cursor),
                    limits=self._settings.http,
                    budget=self._budget,
                    wait=self._wait,
                    failed=self._failed,
                )
            except CursorExpired as error:
                if cursor is None or checkpoint.position is None or reseeks == MAX_RESEEKS:
                    raise ContractChanged(
                        f"the cursor expired and can't be built again: {error}",
                        hint="run with --restart to read from the beginning; rows that are there stay as they are",
                    ) from error
                now_ms = error.server_time or int(time.time() * 1000)
                cursor = self._endpoint.reseek(checkpoint.position, now_ms=now_ms)
                self._cursor_since = time.monotonic()
                self._stats.reseeks += 1
        raise AssertionError("unreachable: the last round returns or raises")

    async def _ask(self, checkpoint: Checkpoint, cursor: str | None) -> Chunk:
        async with self._governor.permit():
            answer = await self._transport.get(self._endpoint.request(cursor))
            self._stats.bytes += answer.wire_bytes
            try:
                self._endpoint.check(answer)
            except RateLimited as error:
                self._governor.refused(error.headers)
                raise
            except ServerError as error:
                if self._outlived(cursor):
                    # Some gateways answer 502 to an expired cursor.
                    raise CursorExpired(f"{error}, with a cursor that has outlived its time") from error
                raise
            self._governor.answered(answer.headers)
        try:
            encode = partial(self._lane.encode, answer.body, cursor=cursor, now_us=answer.received_us)
            chunk = await asyncio.get_running_loop().run_in_executor(self._thread, encode)
        except (_native.PageError, _native.CorePanic) as error:
            raise PageDamaged(f"the page can't be read: {error}") from error
        if chunk.has_more is not False and not chunk.next_cursor:
            raise PageDamaged("the page doesn't say what follows it: no next cursor, and no word that it is the last")
        if chunk.next_cursor and (len(chunk.next_cursor) > MAX_CURSOR or not chunk.next_cursor.isprintable()):
            raise PageDamaged(f"the next cursor is longer than {MAX_CURSOR:,} characters, or not printable")
        if chunk.records and checkpoint.position and self._endpoint.position(chunk) == checkpoint.position:
            raise PageDamaged("the page ends where the one before ended: it came twice")
        self._stats.pages += 1
        return chunk

    def _outlived(self, cursor: str | None) -> bool:
        ttl = self._endpoint.cursor_ttl
        return cursor is not None and ttl is not None and time.monotonic() - self._cursor_since > ttl

    def _failed(self, error: RetriableSourceError) -> None:
        if isinstance(error, RateLimited):
            return  # the governor says how long it waits
        self._stats.retries += 1
        structlog.get_logger().warning("asking again", reason=str(error), code=error.code)
