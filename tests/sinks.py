"""Sinks of all kinds, for tests that hold them to one contract."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from datasync.config import Secret, Settings
from datasync.config.schema import ConflictPolicy, RoundSettings, TableSettings, WriteSettings
from datasync.config.spec import DuckDbTo, JsonlTo, ParquetTo, SinkSpec
from datasync.model import Batch, Checkpoint, Chunk, Column, EncoderPlan, PartitionState, Reject
from datasync.pipeline.lanes import FastLane
from datasync.plugins import Plugins
from datasync.sinks.base import Sink
from tests.events import PLAN

LOCAL: Final = ("jsonl", "parquet", "duckdb")
KINDS: Final = ("postgres", *LOCAL)
STREAM: Final = "datasync.events"
NOW_US: Final = 1_800_000_000_000_000
T = TypeVar("T")

ARRAY: Final = EncoderPlan(
    records="",
    columns=(
        Column("id", "id", "text", required=True, key=True),
        Column("event_type", "type", "text"),
        Column("timestamp", "ts", "timestamptz"),
        Column("data", "", "jsonb", required=True),
    ),
)
"""Of an array of records into the table that is written to unless told."""

_SINKS = Plugins(entry_points=False).sinks


def place(kind: str, folder: Path) -> SinkSpec | None:
    """Where a sink writes."""
    if kind == "jsonl":
        return JsonlTo(folder=str(folder))
    if kind == "parquet":
        return ParquetTo(folder=str(folder))
    return DuckDbTo(path=str(folder / "data.duckdb")) if kind == "duckdb" else None


class Kind:
    """One kind of sink at one place."""

    def __init__(self, name: str, folder: Path, dsn: str = "postgresql://unused", plan: EncoderPlan = PLAN) -> None:
        self.name = name
        self.folder = folder
        self.plan = plan
        key = Secret("unused-key", source="test")
        self.settings = Settings(Secret(dsn, source="test"), "http://unused", key, sink=name, to=place(name, folder))

    def sink(
        self,
        *,
        mode: str = "merge",
        policy: ConflictPolicy | None = None,
        restart: bool = False,
        rounds: RoundSettings | None = None,
        source: str = "http://unused",
    ) -> Sink:
        """A sink that was never connected."""
        settings = msgspec.structs.replace(
            self.settings,
            api_base_url=source,
            restart=restart,
            rounds=rounds or RoundSettings(),
            table=TableSettings(mode=mode),  # type: ignore[arg-type]  # one of its words
            write=WriteSettings(on_conflict=policy or ConflictPolicy()),
        )
        made: Sink = _SINKS[self.name](settings, STREAM, self.plan)
        return made

    def use(self, work: Callable[[Sink], Awaitable[T]], **options: Any) -> T:
        """What `work` makes of a sink that is open."""

        async def main() -> T:
            sink = self.sink(**options)
            try:
                await sink.connect()
                await sink.open()
                return await work(sink)
            finally:
                await sink.close()

        return asyncio.run(main())

    def connected(self, **options: Any) -> tuple[PartitionState, ...]:
        """What the next run begins with."""

        async def main() -> tuple[PartitionState, ...]:
            sink = self.sink(**options)
            try:
                return await sink.connect()
            finally:
                await sink.close()

        return asyncio.run(main())

    def rows(self) -> list[tuple[Any, ...]]:
        """What people read: text exact, timestamps in microseconds, sorted."""
        return sorted(_READERS[self.name](self.folder, self.plan), key=repr)

    def ids(self) -> list[str]:
        """Of the rows, sorted."""
        return sorted(row[0] for row in self.rows())

    def rejects(self) -> list[tuple[str, bytes]]:
        """Code and raw bytes of what is in quarantine."""
        if self.name == "duckdb":
            import duckdb

            with duckdb.connect(self.folder / "data.duckdb") as db:
                return db.execute("SELECT code, raw FROM quarantined_events").fetchall()
        import base64

        lines = (self.folder / "ingested_events.quarantine.jsonl").read_text().splitlines()
        return [(line["code"], base64.b64decode(line["raw"])) for line in map(json.loads, lines)]


def page(*ids: str, rejects: Sequence[Reject] = (), more: str = "") -> Chunk:
    """A page of the fast lane."""
    body = json.dumps({"data": [{"id": key, "type": "click" + more, "timestamp": 1_705_314_600_123} for key in ids]})
    chunk = FastLane(PLAN).encode(body.encode(), cursor="c", now_us=NOW_US)
    return msgspec.structs.replace(chunk, rejects=rejects, records=chunk.records + len(rejects))


def reject(raw: bytes, code: str = "required_missing") -> Reject:
    """A record that can't be stored."""
    return Reject("c", 0, 0, code, "detail with \0 and \ud800", raw)


def batch(number: int, *chunks: Chunk, **more: Any) -> Batch:
    """A batch that ends at the place `number`."""
    return Batch(chunks, Checkpoint(f"cursor-{number}", {"id": "x", "ts": number}, number, number * 10, **more))


def _jsonl(folder: Path, _plan: EncoderPlan) -> list[tuple[Any, ...]]:
    path = folder / "ingested_events.jsonl"
    return [tuple(json.loads(line).values()) for line in path.read_text().splitlines()] if path.exists() else []


def _parquet(folder: Path, _plan: EncoderPlan) -> list[tuple[Any, ...]]:
    from pyarrow import parquet

    path = folder / "ingested_events"
    if not path.is_dir() or not any(path.iterdir()):
        return []
    return [tuple(row.values()) for row in parquet.read_table(path).to_pylist()]


def _duckdb(folder: Path, _plan: EncoderPlan) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect(folder / "data.duckdb") as db:
        return db.execute("SELECT * FROM ingested_events").fetchall()


_READERS: dict[str, Callable[[Path, EncoderPlan], list[tuple[Any, ...]]]] = {
    "jsonl": _jsonl,
    "parquet": _parquet,
    "duckdb": _duckdb,
}
