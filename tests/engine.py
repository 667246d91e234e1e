"""The fetching half of a run on a feed, a database and a scheduler that the test decides: no socket, no clock."""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol, Self

import httpx
import msgspec

from datasync.config import Secret, Settings
from datasync.config.schema import BatchSettings
from datasync.endpoints.base import BodyTells, ByReread, Divided, Endpoint, Reseek, Windowed
from datasync.http.budget import RetryBudget
from datasync.http.transport import Answer, Room
from datasync.model import Batch, Chunk, PartitionState, Position, Request, Window
from datasync.pipeline.line import Line, Part
from datasync.pipeline.memory import Memory
from datasync.pipeline.outbox import Outbox
from datasync.pipeline.partition import Partition
from datasync.pipeline.rejects import RejectLimit
from datasync.pipeline.shutdown import Stop
from datasync.pipeline.timeline import TimeLine
from datasync.pipeline.valueline import ValueLine
from datasync.pipeline.workers import Workers
from datasync.stats import RunStats
from tests.events import PLAN

Bounds = Literal["inclusive", "half-open", "exclusive"]
Record = tuple[int, str]
"""Its moment in milliseconds, and its id."""

SETTINGS = Settings(
    Secret("unused", source="test"), "http://unused", Secret("unused", source="test"), batch=BatchSettings(rows=7)
)


class Api(Endpoint, Protocol):
    """An endpoint that is its own API, too."""

    def answer(self, request: Request) -> bytes:
        """The page that the API gives."""
        ...


class Feed(BodyTells):
    """An endpoint and its API: `records` newest first, in pages of `limit`, bounds as the API pleases."""

    name = "test.feed"
    plan = PLAN
    cursor_ttl: float | None = None
    reseek: Reseek = ByReread()
    auth = httpx.Auth()

    def __init__(
        self, records: Sequence[Record], limit: int, bounds: Bounds = "inclusive", *, total: bool = True
    ) -> None:
        self.records = sorted(records, reverse=True)
        self._ascending = sorted(records)
        self._limit = limit
        self._bounds = bounds
        self._total = len(records) if total else None

    def request(self, cursor: str | None) -> Request:
        return self.request_window(cursor, Window())

    def request_window(self, cursor: str | None, window: Window) -> Request:
        params: dict[str, str | int] = {} if cursor is None else {"cursor": cursor}
        params |= {} if window.since is None else {"since": window.since - 1}
        params |= {} if window.until is None else {"until": window.until}
        return Request("/feed", params)

    def check(self, answer: Answer) -> None:
        assert answer.status == 200

    def position(self, chunk: Chunk) -> Position | None:
        if chunk.next_cursor is None:
            return None
        moment, id = chunk.next_cursor.split()
        return {"ts": int(moment), "id": id}

    def moment(self, position: Position) -> int:
        return int(position["ts"])

    def answer(self, request: Request) -> bytes:
        """The page that the API gives."""
        since, until = request.params.get("since"), request.params.get("until")
        low = -(10**18) if since is None else int(since) + (self._bounds == "exclusive")
        high = 10**18 if until is None else int(until) + (self._bounds == "inclusive")
        if "cursor" in request.params:
            moment, id = str(request.params["cursor"]).split()
            stop = min(bisect_left(self._ascending, (int(moment), id)), bisect_left(self._ascending, (high, "")))
        else:
            stop = bisect_left(self._ascending, (high, ""))
        start = max(bisect_left(self._ascending, (low, "")), stop - self._limit)
        page = self._ascending[start:stop][::-1]
        more = start < stop and start > bisect_left(self._ascending, (low, ""))
        cursor = f"{page[-1][0]} {page[-1][1]}" if more else None
        return msgspec.json.encode({"page": page, "cursor": cursor, "more": more, "total": self._total})


class _Lane:
    name = "fast"
    weight = 1

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        answer: dict[str, Any] = msgspec.json.decode(body)
        return answer["cursor"], answer["more"]

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:  # noqa: ARG002  # the protocol's
        answer: dict[str, Any] = msgspec.json.decode(body)
        page: list[tuple[int, str]] = answer["page"]
        return Chunk(
            rows=[(id, None, moment * 1000, "{}") for moment, id in page],
            row_count=len(page),
            nbytes=len(page),
            records=len(page),
            rejects=[],
            next_cursor=answer["cursor"],
            has_more=answer["more"],
            total=answer["total"],
            last_key=page[-1][1] if page else None,
            last_timestamp_us=page[-1][0] * 1000 if page else None,
            newest_us=page[0][0] * 1000 if page else None,
        )


class _Inline(Executor):
    def submit(self, fn: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*arguments, **named))
        return future


class _Governor:
    @asynccontextmanager
    async def permit(self, *_: object) -> AsyncIterator[Self]:
        yield self

    def answered(self, *_: object) -> None: ...


class Transport:
    """Holds every request until `answer` lets it go; what the API says is decided when the request arrives.

    Attributes:
        asked: all requests, in order.
        waiting: those under way.
    """

    def __init__(self, feed: Api) -> None:
        self._feed = feed
        self.asked: list[Request] = []
        self.waiting: list[tuple[asyncio.Future[None], bytes]] = []

    async def get(self, request: Request, room: Room | None = None) -> Answer:  # noqa: ARG002
        held = asyncio.get_running_loop().create_future(), self._feed.answer(request)
        self.asked.append(request)
        self.waiting.append(held)
        try:
            await held[0]
        finally:
            self.waiting.remove(held)
        return Answer(200, {}, held[1], len(held[1]), 0)

    async def close(self) -> None: ...


class Store:
    """What a database would hold: rows, windows and checkpoints, always of the same moment."""

    def __init__(self) -> None:
        self.states = {0: PartitionState()}
        self.rows: set[str] = set()
        self.served = 0

    def commit(self, batch: Batch) -> None:
        for number, window in batch.windows.items():
            old = self.states.get(number, PartitionState(number))
            self.states[number] = msgspec.structs.replace(old, window=window)
        old = self.states[batch.partition]  # a batch of a partition that nobody made known would be an error
        self.states[batch.partition] = msgspec.structs.replace(old, checkpoint=batch.checkpoint)
        self.rows |= {str(row[0]) for chunk in batch.chunks for row in chunk.rows or ()}
        self.served += batch.records


class Engine:
    """A run between two kills."""

    def __init__(self, loop: asyncio.AbstractEventLoop, feed: Api, store: Store, workers: int) -> None:
        self.transport = Transport(feed)
        self.stats = RunStats()
        self._loop = loop
        self._store = store
        self._stop = Stop()
        memory = Memory(SETTINGS.memory_bytes, _Lane.weight)
        self.outbox = Outbox(SETTINGS.batch, memory)
        states = list(store.states.values())
        if isinstance(feed, Divided):
            self.line: Line = ValueLine(states, feed)
        else:
            self.line = TimeLine(states, feed.moment if isinstance(feed, Windowed) else None)
        thread = _Inline()

        def read(part: Part) -> Partition:
            governor: Any = _Governor()
            budget = RetryBudget(lambda: 0.0)
            one = feed.within(lambda: part.window) if isinstance(feed, Divided) else feed
            parts = one, _Lane(), self.transport, governor, SETTINGS, self.stats, self._stop.wait, budget, thread
            return Partition(part, *parts, memory)

        self._workers = Workers(workers, self.line, read, self.stats, self._stop, memory, RejectLimit(1.0))
        self._task = loop.create_task(self._run())
        self.settle()

    @property
    def done(self) -> bool:
        """Everything was read; there may be something left to commit."""
        if self._task.done():
            self._task.result()
        return self._task.done()

    def answer(self, which: int) -> None:
        """Let one request that waits have its answer, and everybody do what follows."""
        self.transport.waiting[which][0].set_result(None)
        self.settle()

    def commit(self) -> bool:
        """Store one batch; False when there is none."""
        task = self._loop.create_task(self.outbox.take())
        self.settle()
        if not task.done():
            task.cancel()
            self.settle()
            return False
        if (batch := task.result()) is None:
            return False
        self._store.commit(batch)
        self.outbox.done(batch)
        self.settle()
        return True

    def kill(self) -> None:
        """Forget everything that isn't stored."""
        self._task.cancel()
        self.settle()

    def settle(self) -> None:
        """Let everybody run until all of them wait."""
        for _ in range(60):
            self._loop.run_until_complete(asyncio.sleep(0))

    async def _run(self) -> None:
        if not self.line.done:
            await self._workers.first()
            await self._workers.run(self.outbox)
        await self.outbox.close()
