"""One chain of cursors, from a checkpoint to its end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from functools import partial
from typing import TypeAlias

import msgspec
import structlog

from datasync.config import Settings
from datasync.endpoints.base import Endpoint, Resizable, Windowed
from datasync.errors import (
    ContractChanged,
    CursorExpired,
    PageRepeated,
    PageTooLarge,
    ParentGone,
    RateLimited,
    RetriableSourceError,
    ServerError,
    SourceError,
)
from datasync.failpoints import failpoint
from datasync.http.budget import RetryBudget
from datasync.http.retry import retrying, server_time
from datasync.http.transport import Answer, Transport
from datasync.limits.governor import Governor
from datasync.limits.refusal import is_limit_signal
from datasync.model import Checkpoint, Chunk, Position, Request
from datasync.pipeline.ahead import Ahead, Arrived
from datasync.pipeline.cursors import check, usable
from datasync.pipeline.known import KnownPages
from datasync.pipeline.lanes import Lane, reading
from datasync.pipeline.line import Part
from datasync.pipeline.loops import MAX_EMPTY, LoopGuard
from datasync.pipeline.memory import Memory, cost
from datasync.pipeline.moments import Moments
from datasync.pipeline.pagesize import PageSize
from datasync.pipeline.seek import Seek
from datasync.stats import RunStats

Fetched: TypeAlias = tuple[int, Chunk, Checkpoint]
"""The partition's number, its page, and the checkpoint after it."""


class Partition:
    """Fetches and encodes one page after the other; a plain chain's next request goes out before its page is encoded.

    Exactly one request is under way. What the part says is kept to date: its checkpoint, and how far it was read.
    """

    def __init__(
        self,
        part: Part,
        endpoint: Endpoint,
        lane: Lane,
        transport: Transport,
        governor: Governor,
        settings: Settings,
        stats: RunStats,
        wait: Callable[[float], Awaitable[None]],
        budget: RetryBudget,
        thread: Executor,
        memory: Memory,
        known: KnownPages | None = None,
    ) -> None:
        """Take the `thread` that encodes: one for all partitions, so that a transform never runs twice at a time."""
        self._part = part
        self._endpoint = endpoint
        self._windowed = endpoint if isinstance(endpoint, Windowed) else None
        self._resizable = endpoint if isinstance(endpoint, Resizable) else None
        self._size = PageSize(self._resizable.page_limit if self._resizable else None)
        self._lane = lane
        self._transport = transport
        self._governor = governor
        self._settings = settings
        self._stats = stats
        self._wait = wait
        self._budget = budget
        self._thread = thread
        self._memory = memory
        self._known = known or KnownPages(settings.rounds)
        self._seek = Seek(part, endpoint, stats, transforms=bool(settings.transforms))
        self._moments = Moments()
        self._guard = LoopGuard()
        self._alone = False
        self._asked_at = float("-inf")
        self._ahead = Ahead()

    async def close(self) -> None:
        """Drop the request that is under way."""
        await self._ahead.drop()

    @property
    def under_way(self) -> bool:
        """A request for the next page was sent already."""
        return self._ahead.under_way

    async def page(self, *, alone: bool = False) -> Fetched | None:
        """Give the next page with the checkpoint that is true once it is stored; None after the last one.

        Args:
            alone: send no request for the page after it.

        Raises:
            SourceError: the chain can't go on. Pages given before are good.
        """
        if self._part.checkpoint.complete:
            return None
        self._alone = alone
        chunk = await self._fetch()
        checkpoint = self._part.checkpoint
        if self._stats.total is None:
            # Its first word: a page that says less must not make a short feed look whole, and what appears later is
            # newer than where the stream began, so that its chains don't come by.
            self._stats.total = chunk.total
        ahead = msgspec.structs.replace(
            checkpoint,
            pages=checkpoint.pages + 1,
            served=checkpoint.served + chunk.records,
            total=self._stats.total,
        )
        at = None
        if chunk.has_more is False or self._known.reached:
            ahead = msgspec.structs.replace(ahead, complete=True)
        else:
            position = self._place(chunk)
            at = self._moment(chunk, position)
            if self._part.passes(at):
                ahead = msgspec.structs.replace(ahead, complete=True)
            else:
                # A page without records tells no place of its own: the last one stands.
                position = position or checkpoint.position
                ahead = msgspec.structs.replace(ahead, cursor=chunk.next_cursor, position=position)
        if chunk.newest_us is not None:
            seen = self._moments.seen(chunk.newest_us)
            ahead = msgspec.structs.replace(ahead, newest_us=max(seen, ahead.newest_us or seen))
        newest = None if chunk.newest_us is None else chunk.newest_us // 1000
        self._part.advance(ahead, records=chunk.records, newest=newest, at=at)
        return self._part.number, chunk, ahead

    def _place(self, chunk: Chunk) -> Position | None:
        """Where a page leads that isn't the last one, once it is clear that it leads on."""
        if self._guard.empty(chunk):
            raise ContractChanged(f"{MAX_EMPTY + 1} pages in a row had no records although the API says there is more")
        position = self._endpoint.position(chunk)
        if self._guard.returns(chunk, position):
            raise ContractChanged(
                "the API's cursors go in circles: this page leads where an earlier one led",
                hint="what was read so far is stored; does `paging` say how the API pages?",
            )
        return position

    def _moment(self, chunk: Chunk, position: Position | None) -> int | None:
        if self._windowed is None or position is None:
            return None
        at = self._windowed.moment(position)
        until = self._part.window.until
        if chunk.records and until is not None and at > until:
            raise ContractChanged(
                f"asked for records until {until} (epoch ms), the API gave a page that ends at {at}",
                hint="it seems to take no windows: read it with --partitions 1 --restart",
            )
        return at

    async def _fetch(self) -> Chunk:
        return await retrying(
            self._attempt,
            limits=self._settings.http,
            budget=self._budget,
            wait=self._wait,
            failed=self._failed,
        )

    async def _attempt(self) -> Chunk:
        """Ask for the next page, wherever it is found. An expired cursor is no failure: it ends no patience."""
        while True:
            try:
                return await self._ask()
            except CursorExpired as error:
                if not isinstance(error.__cause__, ServerError):
                    self._seek.expired(error)
                elif not self._seek.suspected(error.server_time):
                    raise error.__cause__ from None
            except ParentGone as error:
                return self._seek.past(error, self._asked_at)
            if self._seek.lost:
                self._guard = LoopGuard()

    async def _ask(self) -> Chunk:
        checkpoint = self._part.checkpoint
        arrived = await self._arrived(checkpoint.cursor)
        with arrived.room:
            chunk = await self._encode(arrived)
            check(chunk)
            # A chain that begins anew may end its first page anywhere.
            place = checkpoint.position if checkpoint.cursor and not self._seek.lost else None
            if chunk.records and place and self._endpoint.position(chunk) == place:
                raise PageRepeated("the page ends where the one before ended: it came twice")
            arrived.room.keep(len(arrived.answer.body), cost(chunk))
        self._stats.pages += 1
        self._stats.fetched += chunk.records
        return self._seek.came(chunk, self._asked_at)

    async def _arrived(self, cursor: str | None) -> Arrived:
        try:
            arrived = await self._ahead.take(cursor)
            # The cursor that comes with the answer is as old as the request, which may have been sent long before.
            self._asked_at = time.monotonic() if arrived is None else self._ahead.asked_at
            arrived = arrived or await self._get(self._seek.cursor)
        except PageTooLarge as error:
            if not self._size.too_large():
                raise ContractChanged(
                    str(error), hint=f"the page can't be asked for in smaller ones; {error.hint}"
                ) from error
            return await self._arrived(cursor)  # no deeper than the size can be halved
        self._size.fitted()
        return arrived

    async def _encode(self, arrived: Arrived) -> Chunk:
        answer, cursor = arrived.answer, arrived.cursor
        with reading(self._endpoint.plan, answer.body, first=cursor is None):
            self._look_ahead(answer, cursor)
            encode = partial(self._lane.encode, answer.body, cursor=cursor, now_us=answer.received_us)
            chunk = await asyncio.get_running_loop().run_in_executor(self._thread, encode)
        failpoint("decoded")
        return self._endpoint.turn(chunk, answer, cursor)

    async def _get(self, place: Callable[[], tuple[str | None, float]]) -> Arrived:
        """Ask for a page. `place` gives its cursor and when that was given, and is called when the request goes out."""
        asked = self._request(place()[0])
        room = await self._memory.room()
        try:
            async with self._governor.permit(asked.path) as permit:
                cursor, since = place()  # only now: a wait for the limit must not use up a new cursor's life
                answer = await self._transport.get(self._request(cursor), room)
                self._stats.bytes += answer.wire_bytes
                try:
                    self._check(answer, f"{asked.method} {asked.path}: {answer.status}")
                except RateLimited:
                    permit.refused(answer)
                    raise
                except SourceError as error:
                    permit.answered(answer)
                    if isinstance(error, ServerError) and self._seek.outlived(cursor, since):
                        # Some gateways answer 502 to an expired cursor.
                        told = server_time(answer)
                        raise CursorExpired(f"{error}, with a cursor too old", server_time=told) from error
                    raise
                permit.answered(answer)
        except BaseException:
            room.release()
            raise
        return Arrived(answer, cursor, room)

    def _look_ahead(self, answer: Answer, cursor: str | None) -> None:
        """Ask for the next page while this one is encoded. A window must be read first: it may end there."""
        if self._alone or self._windowed is not None:
            return
        following = self._endpoint.following(answer, cursor, self._lane.peek)
        if following and following != cursor and usable(following):
            asked_at = self._asked_at
            self._ahead.ask(following, self._get(lambda: (following, asked_at)))

    def _request(self, cursor: str | None) -> Request:
        request = self._seek.request(cursor)
        if self._resizable is not None and self._size.limit is not None:
            request = self._resizable.resized(request, self._size.limit)
        return request

    def _check(self, answer: Answer, where: str) -> None:
        if is_limit_signal(answer.status, answer.headers, answer.body):
            raise RateLimited(f"{where}, by a rate limit")
        try:
            self._endpoint.check(answer)
        except RateLimited as error:
            if answer.status == 429:
                raise ServerError(f"{where}, but not by a rate limit") from error
            raise

    def _failed(self, error: RetriableSourceError) -> None:
        if isinstance(error, RateLimited):
            return  # the governor says how long it waits
        self._stats.retries += 1
        structlog.get_logger().warning("asking again", reason=str(error), code=error.code)
