"""The endpoint `rest` on an API that the test decides, read by a real Partition and the real lanes; no socket."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from typing import Any, Self

import msgspec

from datasync.config import Secret, Settings
from datasync.config.spec import Api, Auth, EndpointSpec, NoAuth, Paging
from datasync.endpoints.rest import RestEndpoint
from datasync.http.budget import RetryBudget
from datasync.http.transport import Answer, Room, Transport
from datasync.model import Checkpoint, Chunk, PartitionState, Request
from datasync.pipeline.choice import choose
from datasync.pipeline.memory import Memory
from datasync.pipeline.partition import Partition
from datasync.pipeline.timeline import TimeLine
from datasync.stats import RunStats

BASE = "https://api.example.com/v1"
NOW = 1_717_243_200.0
"""2024-06-01T12:00:00Z."""

Script = Callable[[Request], Answer]


def settings(paging: Paging, *, auth: Auth | None = None, base_url: str = BASE, **spec: Any) -> Settings:
    """A run of the endpoint `things`."""
    described = EndpointSpec(**{"name": "things", "path": "/things", "records": "data", "paging": paging, **spec})
    unused = Secret("unused-secret", source="test")
    return Settings(unused, base_url, unused, api=Api(base_url=base_url, auth=auth or NoAuth()), spec=described)


def rest(paging: Paging, **more: Any) -> RestEndpoint:
    """The endpoint of `settings`."""
    return RestEndpoint(settings(paging, **more), now=lambda: NOW)


def answer(body: object, *, status: int = 200, headers: Mapping[str, str] = {}) -> Answer:
    """An answer; names of headers are in lower case."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(status, headers, raw, len(raw), 0)


def encoded(endpoint: RestEndpoint, page: Answer, cursor: str | None = None) -> Chunk:
    """What the fast lane makes of a page."""
    return choose(endpoint.plan, None).encode(page.body, cursor=cursor, now_us=0)


def turned(endpoint: RestEndpoint, page: Answer, cursor: str | None = None) -> Chunk:
    """The same, with where it leads."""
    return endpoint.turn(encoded(endpoint, page, cursor), page, cursor)


class _Governor:
    @asynccontextmanager
    async def permit(self, *_: object) -> AsyncIterator[Self]:
        yield self

    def answered(self, *_: object) -> None: ...

    def refused(self, *_: object) -> None: ...


class _Inline(Executor):
    def submit(self, fn: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*arguments, **named))
        return future


class _Transport:
    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: list[Request] = []

    async def get(self, request: Request, room: Room | None = None) -> Answer:  # noqa: ARG002  # the protocol's
        self.asked.append(request)
        await asyncio.sleep(0)
        return self._script(request)

    async def close(self) -> None: ...


class Reading(msgspec.Struct):
    """What came of a run.

    Attributes:
        ids: keys of the rows, in order.
        checkpoint: after the last page.
        total: see RunStats.
        pages: how many came.
        asked: all requests, where there is no socket.
    """

    ids: list[str]
    checkpoint: Checkpoint
    total: int | None
    pages: int
    asked: list[Request] = []


def read(
    endpoint: RestEndpoint,
    script: Script,
    *,
    checkpoint: Checkpoint | None = None,
    pages: int | None = None,
    alone: bool = False,
    chain: Any = None,
) -> Reading:
    """Read on from `checkpoint` until the end, or until so many pages have come.

    Args:
        endpoint: a new one, as each run has.
        script: the API.
        checkpoint: None is the beginning.
        pages: to come, at most.
        alone: without a request ahead.
        chain: transforms; the record lane reads then.
    """
    transport = _Transport(script)
    came = asyncio.run(read_by(transport, endpoint, checkpoint or Checkpoint(), pages, alone=alone, chain=chain))
    came.asked = transport.asked
    return came


async def read_by(
    transport: Transport,
    endpoint: RestEndpoint,
    checkpoint: Checkpoint,
    pages: int | None = None,
    *,
    alone: bool = False,
    chain: Any = None,
) -> Reading:
    """The same through any transport."""
    run, stats, governor = settings(endpoint._spec.paging), RunStats(), _Governor()
    lane = choose(endpoint.plan, chain)
    part = TimeLine([PartitionState(checkpoint=checkpoint)], None).claim()
    assert part is not None
    ids: list[str] = []
    count = 0

    async def wait(_seconds: float) -> None:
        await asyncio.sleep(0)

    anyone: Any = governor
    memory = Memory(run.memory_bytes, lane.weight)
    parts = endpoint, lane, transport, anyone, run, stats, wait, RetryBudget(lambda: 0.0), _Inline(), memory
    partition = Partition(part, *parts)
    try:
        while pages is None or count < pages:
            fetched = await partition.page(alone=alone)
            if fetched is None:
                break
            count += 1
            ids += _ids(fetched[1])
    finally:
        await partition.close()
    return Reading(ids, part.checkpoint, stats.total, count)


def _ids(chunk: Chunk) -> list[str]:
    if chunk.rows is not None:
        return [str(row[0]) for row in chunk.rows]
    if not chunk.row_count:
        return []
    assert chunk.copy is not None
    raw, place, found = bytes(chunk.copy), 0, []
    for _ in range(chunk.copy.rows):  # int16 count, then int32 length and bytes of each field
        fields = int.from_bytes(raw[place : place + 2])
        place += 2
        for field in range(fields):
            length = int.from_bytes(raw[place : place + 4], signed=True)
            place += 4
            if field == 0:
                found.append(raw[place : place + length].decode())
            place += max(length, 0)
    return found


def records(ids: Sequence[object]) -> list[dict[str, object]]:
    """Records with these keys."""
    return [{"id": str(one), "name": f"number {one}"} for one in ids]
