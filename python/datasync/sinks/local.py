"""A sink in this process: what blocks is done by one thread, one batch after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import Final, Protocol, TypeVar

import msgspec
import structlog

from datasync.config import Settings
from datasync.errors import ConfigError, SinkBusy, SinkError
from datasync.failpoints import failpoint
from datasync.model import Batch, Committed, EncoderPlan, PartitionState
from datasync.sinks.books import Books, Identity, There
from datasync.sinks.counts import Put

T = TypeVar("T")

POLL: Final = 1.0
"""Seconds between two looks whether another run has ended."""


class Store(Protocol):
    """Where rows and books are kept. It blocks, and is used by one thread alone."""

    @property
    def keeps_known(self) -> bool:
        """A row whose key is there already changes nothing."""
        ...

    def connect(self) -> Books | None:
        """Keep other runs out and read the books; None when there are none. Writes nothing.

        Raises:
            SinkBusy: another run is there.
            SinkError: anything else.
        """
        ...

    def open(self, books: Books, *, anew: bool) -> None:
        """Create what is missing, undo what no books count, and save `books`, which begin a round if `anew`."""
        ...

    def transaction(self, books: Books) -> AbstractContextManager[None]:
        """All or nothing. Raises LeaseLost where the books are not as `books`, those of the batch before."""
        ...

    def put(self, batch: Batch, number: int) -> Put:
        """Store rows and rejects of the batch with this number, in a transaction."""
        ...

    def there(self, first_batch: int) -> There:
        """Count what is stored, in a transaction or outside; of rejects those that came in this batch or later."""
        ...

    def save(self, books: Books) -> None:
        """Save the books, in a transaction."""
        ...

    def finish(self) -> None:
        """In the transaction that completes the stream: have its rows take the place of all others, where asked to."""
        ...

    def settle(self) -> None:
        """After that transaction: do what can't be done in one. A run that is killed before does it at its start."""
        ...

    def close(self) -> None:
        """Close all. May raise."""
        ...


class LocalSink:
    """See `datasync.sinks.base.Sink`."""

    writers: Final = 1

    def __init__(self, settings: Settings, stream: str, plan: EncoderPlan, store: Store) -> None:
        """Raise ConfigError where rows would get lost that no store here takes."""
        if settings.spec is not None and settings.spec.table.children:
            raise ConfigError(
                f"`{stream}` has lists that go to tables of their own, which only the sink `postgres` makes",
                hint="leave `children` out, or write to PostgreSQL",
            )
        self._settings = settings
        self._identity = Identity.of(settings, stream, plan.columns)
        self._store = store
        self._books = Books(self._identity)
        self._anew = True
        self._failed: BaseException | None = None
        self._closed = False
        # Not the loop's own, whose end the loop waits for. One thread, so that batches keep their order.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sink")

    async def connect(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        announced = False
        while True:
            try:
                return await self._run(self._connect)
            except SinkBusy:
                if not self._settings.write.wait:
                    raise
                if not announced:
                    announced = True
                    structlog.get_logger().info(
                        "waiting for another run of the stream to end", stream=self._identity.stream
                    )
                await asyncio.sleep(POLL)

    async def open(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        return await self._run(self._open)

    def commit(self, batch: Batch) -> Awaitable[Committed]:
        """See Sink."""
        return self._run(lambda: self._commit(batch))

    async def close(self) -> None:
        """See Sink. A batch that is being stored is stored first."""
        if self._closed:
            return
        self._closed = True
        with suppress(Exception):
            await self._run(self._store.close)
        self._thread.shutdown(wait=False)

    def _run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _connect(self) -> tuple[PartitionState, ...]:
        restart = self._settings.restart
        found = self._store.connect()
        if found is not None:
            if found.version != Books(self._identity).version:
                raise ConfigError(f"the state of `{self._identity.stream}` was written by another version of datasync")
            found.fits(self._identity, restart=restart)
            if found.complete and found.batch and not restart:
                found.check_complete(self._store.there(found.first_batch))
        books = found or Books(self._identity)
        self._books, self._anew = books.begun(self._settings.rounds, self._identity, restart=restart or found is None)
        return self._books.states

    def _open(self) -> tuple[PartitionState, ...]:
        books = msgspec.structs.replace(self._books, epoch=self._books.epoch + 1)
        self._store.open(books, anew=self._anew)
        self._books = books
        return books.states

    def _commit(self, batch: Batch) -> Committed:
        if self._failed is not None:
            raise SinkError("the batch before this one was not stored") from self._failed
        try:
            return self._stored(batch)
        except BaseException as error:
            self._failed = error  # what follows must not be stored without it
            raise

    def _stored(self, batch: Batch) -> Committed:
        if any(chunk.children for chunk in batch.chunks):
            raise SinkError("rows of other tables came, which this sink has no place for")
        with self._store.transaction(self._books):
            put = self._store.put(batch, self._books.batch + 1)
            failpoint("upsert_done")
            books, done = self._books.after(batch, put, keeps_known=self._store.keeps_known)
            if batch.checkpoint.complete and books.complete:
                books.check_counts()
                gone = books.missing(self._store.there(books.first_batch))
                failpoint("final_reconcile")
                done = msgspec.structs.replace(done, complete=not gone, missing=gone)
                if gone:
                    books = books.reopened(batch)
                else:
                    self._store.finish()
            self._store.save(books)
            failpoint("before_commit")
        failpoint("after_commit")
        self._books = books
        if done.complete:
            self._store.settle()
        return done
