"""Where a chain of cursors asks next, and how it finds its place again when a cursor has expired."""

import time

import msgspec
import structlog

from datasync.endpoints.base import ByCursor, ByWindow, Divided, Endpoint, Windowed
from datasync.errors import ContractChanged, CursorExpired, ParentGone
from datasync.model import Chunk, Request, Window
from datasync.pipeline.line import Part
from datasync.stats import RunStats

MAX_RESEEKS = 3
"""Cursors in a row that the API calls expired although they were just built; and times in a row that a chain which
begins anew gets no further than before."""

MAX_SUSPECTED = 3
"""Failures in a row after which an old cursor counts as expired, where finding the place again costs pages."""


class Seek:
    """The place of one chain, by the way that its endpoint declares. It may expire at any moment, any number of times.

    Attributes:
        lost: the chain, or the list that it is in, begins anew, and the places that it comes by may be known.
    """

    def __init__(self, part: Part, endpoint: Endpoint, stats: RunStats, *, transforms: bool) -> None:
        self._part = part
        self._endpoint = endpoint
        self._windowed = endpoint if isinstance(endpoint, Windowed) else None
        self._stats = stats
        self._way = endpoint.reseek
        self._since = float("-inf")  # when the cursor in hand was given; a stored one may be of any age
        self._ahead_ms: int | None = None  # of the server's clock before ours, while a cursor is to be built
        self._in_a_row = 0
        self._suspected = 0
        self._by_window = isinstance(self._way, ByWindow) and not transforms
        self._until = self._end()  # where the chain was begun anew by window
        # Of the chain since it was begun. If an earlier run began it, all pages it counts may be of this time.
        self._known = part.checkpoint.cursor is None
        self._pages = part.checkpoint.pages
        self._records = 0
        self._furthest: tuple[bool, int] | None = None  # by window or by records; how far the chain got
        self._stuck = 0
        self._divided = isinstance(endpoint, Divided)
        self._of_list = 0  # records of the parent that is being read
        self._again = False
        self.lost = False

    def cursor(self) -> tuple[str | None, float]:
        """The cursor to ask for and when it was given. Ask at once: a new one is built for this moment."""
        checkpoint = self._part.checkpoint
        if self._ahead_ms is None or not isinstance(self._way, ByCursor) or checkpoint.position is None:
            return checkpoint.cursor, self._since
        now_ms = time.time_ns() // 1_000_000 + self._ahead_ms
        return self._way.build(checkpoint.position, now_ms), time.monotonic()

    def request(self, cursor: str | None) -> Request:
        """What to ask for the page at `cursor`."""
        if self._windowed is None:
            return self._endpoint.request(cursor)
        window = self._part.window  # it may have shrunk since the last request
        if self._until is not None:
            window = Window(window.since, self._until)
        return self._windowed.request_window(cursor, window)

    def outlived(self, cursor: str | None, since: float) -> bool:
        """Whether `cursor`, given at `since`, is older than cursors get."""
        ttl = self._endpoint.cursor_ttl
        return cursor is not None and ttl is not None and time.monotonic() - since > ttl

    def suspected(self, server_time: int | None) -> bool:
        """Take a failure that may be an old cursor's. Whether it is worth asking anew at once.

        Raises:
            ContractChanged: as `expired` does.
        """
        if self._by_cursor:
            # It costs nothing. If it was a failure after all, so is the next one: from now on each request has a cursor
            # of its own.
            first = self._ahead_ms is None
            if first:
                self._rebuild(server_time, "a failure with a cursor that has outlived its time")
            return first
        self._suspected += 1
        if self._suspected < MAX_SUSPECTED:
            return False
        self._begin_anew("failures with a cursor that has outlived its time")
        return True

    def expired(self, error: CursorExpired) -> None:
        """Find the place again.

        Raises:
            ContractChanged: it can't be found, or has been found too often in vain.
        """
        if self._part.checkpoint.cursor is None:
            raise ContractChanged(f"a request without a cursor is refused for one that expired: {error}") from error
        if not self._by_cursor:
            self._begin_anew(str(error))
            return
        self._in_a_row += 1
        if self._in_a_row > MAX_RESEEKS:
            raise ContractChanged(
                f"the cursor expired and can't be built again: {error}",
                hint="run with --restart to read from the beginning; rows that are there stay as they are",
            ) from error
        self._rebuild(error.server_time, str(error))

    def came(self, chunk: Chunk, asked_at: float) -> Chunk:
        """Take the page that was asked for; its next cursor was given at `asked_at`. Give the page as it counts."""
        again, self._again, self.lost = self._again, False, False
        self._since = asked_at
        self._ahead_ms = None
        self._in_a_row = self._suspected = 0
        self._pages += 1
        self._records += chunk.records
        if self._divided:
            self._of_list += chunk.records
            if chunk.span_end:
                self._of_list, self._furthest, self._stuck = 0, None, 0
        return msgspec.structs.replace(chunk, again=True) if again and self._until is None else chunk

    def past(self, error: ParentGone, asked_at: float) -> Chunk:
        """Give an empty page that leads past a parent which isn't there."""
        assert isinstance(self._endpoint, Divided)  # nothing else has parents
        cursor = self._part.checkpoint.cursor
        structlog.get_logger().warning("a parent is gone", parent=self._endpoint.value(cursor), reason=str(error))
        return self.came(self._endpoint.past(cursor), asked_at)

    @property
    def _by_cursor(self) -> bool:
        return isinstance(self._way, ByCursor) and self._part.checkpoint.position is not None

    def _rebuild(self, server_time: int | None, why: str) -> None:
        position = self._part.checkpoint.position
        if position is not None and isinstance(self._way, ByCursor) and self._way.anew(position):
            self._judge((False, self._of_list), why)
            structlog.get_logger().warning(
                "the cursor expired: reading again from the beginning of its list",
                partition=self._part.number,
                records=self._of_list,
                reason=why,
                hint="rows that are there count as duplicates; appended ones come twice",
            )
            self._of_list = 0
            self.lost = True
        self._ahead_ms = 0 if server_time is None else server_time - time.time_ns() // 1_000_000
        self._stats.reseeks += 1

    def _begin_anew(self, why: str) -> None:
        self._part.checkpoint = msgspec.structs.replace(self._part.checkpoint, cursor=None)
        if (until := self._end()) is not None:
            self._judge((True, -until), f"it stays at {until} (epoch ms)")
            self._until = until
        else:
            self._until = None
            if self._known:
                self._judge((False, self._records), why)
            structlog.get_logger().warning(
                "the cursor expired: reading again from the beginning of its window",
                partition=self._part.number,
                pages=self._pages,
                reason=why,
                hint="the pages were read before: rows that are there count as duplicates; appended ones come twice",
            )
            self._part.rewind()
            self._known = True
            self._pages = self._records = 0
        self._since = float("-inf")
        self._suspected = 0
        self._stats.reseeks += 1
        self.lost = self._again = True

    def _end(self) -> int | None:
        """Where the window must end for a chain without a cursor, if that is its way and it has read something."""
        position = self._part.checkpoint.position
        if not self._by_window or self._windowed is None or position is None or self._part.checkpoint.cursor:
            return None
        top = self._part.window.until
        until = self._windowed.moment(position) + 1
        return until if top is None else min(until, top)

    def _judge(self, reached: tuple[bool, int], why: str) -> None:
        if self._furthest is not None and reached[0] == self._furthest[0] and reached <= self._furthest:
            self._stuck += 1
            if self._stuck >= MAX_RESEEKS:
                raise ContractChanged(
                    f"the cursor expired {self._stuck} times more without getting any further: {why}",
                    hint="the API's cursors end before the next page can be asked for; is its rate limit too low for "
                    "them, or shared with others? what was read is stored",
                )
            return
        self._stuck = 0
        self._furthest = reached
