"""Drives a sink through a small stream, over three processes' worth of connections."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from datasync.config import Settings
from datasync.contracts import checked
from datasync.errors import PluginError
from datasync.model import Batch, Checkpoint, Chunk, Column, Committed, EncoderPlan, PartitionState
from datasync.pipeline.lanes import FastLane, Lane, RecordLane
from datasync.sinks.base import Sink
from datasync.sinks.held import Held

STREAM: Final = "check.sink"

PLAN: Final = EncoderPlan(
    records="",
    # Those of the table that is written to unless told.
    columns=(
        Column("id", "id", "text", required=True, key=True),
        Column("event_type", "type", "text"),
        Column("timestamp", "at", "timestamptz"),
        Column("data", "", "jsonb", required=True),
    ),
)
_NOW_US: Final = 1_767_225_600_000_000


def check_sink(factory: Callable[[Settings, str, EncoderPlan], Sink], settings: Settings) -> None:
    """Store six records in three batches, connecting anew for each, and hold the sink to what it must keep.

    A stream that was never begun is one partition at its beginning. What was committed is there for whoever connects
    next: the checkpoint as it was given. New rows, records that come again and rejects are counted; pages come from
    both lanes. The last batch completes the stream. `close` may be called twice.

    Blocks, and runs an event loop of its own, in a temporary folder: what the sink writes into the current one is gone
    afterwards.

    Args:
        factory: as it is registered.
        settings: where to write to; nothing of a stream `check.sink` is there yet, so an absolute path or a database
            must be new each time.

    Raises:
        AssertionError: it does something else; the message says what.
    """
    try:
        with TemporaryDirectory() as folder, chdir(folder):
            asyncio.run(_check(factory, settings))
    except PluginError as error:
        raise AssertionError(str(error)) from error


async def _check(factory: Callable[[Settings, str, EncoderPlan], Sink], settings: Settings) -> None:
    fast, record = FastLane(PLAN), RecordLane(PLAN, lambda raw: raw)
    # Four records, one of them without a key; one of them again with a new one; and the last.
    first = _chunk(fast, [{"id": "a", "amount": 0.1}, {"id": "b", "at": "2026-01-01T00:00:00Z"}, {"id": "ü"}, {}])
    again = _chunk(record, [{"id": "b", "at": "2026-01-01T00:00:00Z"}, {"id": "c", "amount": 12345678901234567890}])
    final = msgspec.structs.replace(_chunk(fast, [{"id": "d"}]), has_more=False)
    ended = Checkpoint("c2", {"id": "c"}, pages=3, served=7, total=6, complete=True)
    steps: Sequence[tuple[Chunk, Checkpoint, Mapping[str, object]]] = (
        (first, Checkpoint("c1", {"id": "ü"}, pages=1, served=4, total=6), {"rows": 3, "quarantined": 1}),
        (again, Checkpoint("c2", {"id": "c"}, pages=2, served=6, total=6), {"rows": 1, "quarantined": 0}),
        (final, ended, {"rows": 1, "quarantined": 0, "complete": True, "missing": 0}),
    )
    known = (PartitionState(),)
    for number, (chunk, checkpoint, counts) in enumerate(steps, start=1):
        sink = _made(factory, settings)
        try:
            hint = "; is something of an earlier check there?" if number == 1 else ""
            _expect_state(await sink.connect(), known, f"before batch {number} `connect`", hint)
            _expect_state(await sink.open(), known, f"before batch {number} `open`")
            _expect(sink.writers > 0, "a run has no writer")
            _expect_counts(await sink.commit(Batch([chunk], checkpoint)), counts, chunk, number)
        finally:
            await sink.close()
            await sink.close()
        known = (PartitionState(checkpoint=checkpoint),)
    sink = _made(factory, settings)
    try:
        _expect_state(await sink.connect(), known, "after the last batch `connect`")
    finally:
        await sink.close()


def _made(factory: Callable[[Settings, str, EncoderPlan], Sink], settings: Settings) -> Sink:
    sink = checked("sink", "?", getattr(factory, "__module__", "?"), factory(settings, STREAM, PLAN))
    return Held(sink, "the sink")


def _chunk(lane: Lane, records: Sequence[Mapping[str, object]]) -> Chunk:
    return lane.encode(msgspec.json.encode(records), cursor=None, now_us=_NOW_US)


def _expect_state(found: Sequence[PartitionState], wanted: Sequence[PartitionState], when: str, hint: str = "") -> None:
    _expect(tuple(found) == tuple(wanted), f"{when} gives {found!r} instead of {wanted!r}{hint}")


def _expect_counts(done: Committed, wanted: Mapping[str, object], chunk: Chunk, number: int) -> None:
    for name, count in wanted.items():
        found = getattr(done, name)
        _expect(found == count, f"batch {number}: `{name}` is {found!r} instead of {count!r}")
    seen = done.rows + done.duplicates + done.updated + done.unchanged + done.refused
    _expect(
        seen == chunk.row_count,
        f"batch {number}: {chunk.row_count} rows were given, and {seen} are accounted for in {done!r}",
    )


def _expect(good: bool, message: str) -> None:
    if not good:
        raise AssertionError(message)
