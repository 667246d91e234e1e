"""A plugin's sink, held to what a run relies on: what it raises and gives is told as the plugin's."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import structlog

from datasync.errors import EXIT_LEFT, DatasyncError, PluginError
from datasync.model import Batch, Committed, PartitionState
from datasync.sinks.base import Sink

_HINT: Final = "`datasync.sinks.base.Sink` says what each method gives and raises; `check_sink` tests it"


class Held:
    """See Sink. Errors of ours pass; all others become a PluginError."""

    def __init__(self, sink: Sink, whose: str) -> None:
        """Take a sink, and what it is called in messages."""
        self._sink = sink
        self._whose = whose

    @property
    def writers(self) -> int:
        """See Sink."""
        with self._blamed("writers"):
            writers: object = self._sink.writers
        if not isinstance(writers, int) or isinstance(writers, bool) or writers < 1:
            raise self._gives("writers", writers, "a number of 1 or more")
        return writers

    async def connect(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        with self._blamed("connect"):
            found: object = await self._sink.connect()
        return self._states("connect", found)

    async def open(self) -> tuple[PartitionState, ...]:
        """See Sink."""
        with self._blamed("open"):
            found: object = await self._sink.open()
        return self._states("open", found)

    def commit(self, batch: Batch) -> Awaitable[Committed]:
        """See Sink. What fails may have stored something: the run ends with something left."""
        with self._blamed("commit", exit_code=EXIT_LEFT):
            under_way = self._sink.commit(batch)  # now, for batches come in the order of the calls
        return self._committed(under_way)

    async def close(self) -> None:
        """See Sink, but for PluginError."""
        with self._blamed("close", exit_code=EXIT_LEFT):
            await self._sink.close()

    async def _committed(self, under_way: Awaitable[Committed]) -> Committed:
        with self._blamed("commit", exit_code=EXIT_LEFT):
            done: object = await under_way
        if not isinstance(done, Committed):
            raise self._gives("commit", done, "a Committed", exit_code=EXIT_LEFT)
        return done

    def _states(self, method: str, found: object) -> tuple[PartitionState, ...]:
        if not isinstance(found, (tuple, list)) or not all(isinstance(one, PartitionState) for one in found):
            raise self._gives(method, found, "a tuple of PartitionState")
        if not found:
            raise self._gives(method, found, "one PartitionState or more")
        return tuple(found)

    def _gives(self, method: str, given: object, wanted: str, *, exit_code: int | None = None) -> PluginError:
        error = PluginError(f"{self._whose}: `{method}` gives {given!r:.100}, not {wanted}", hint=_HINT)
        error.exit_code = error.exit_code if exit_code is None else exit_code
        return error

    @contextmanager
    def _blamed(self, method: str, *, exit_code: int | None = None) -> Iterator[None]:
        try:
            yield
        except DatasyncError:
            raise
        except (Exception, SystemExit) as error:
            ours = PluginError(f"{self._whose}: `{method}` raises {type(error).__name__}: {error}", hint=_HINT)
            ours.exit_code = ours.exit_code if exit_code is None else exit_code
            raise ours from error


@asynccontextmanager
async def closing(sink: Sink) -> AsyncIterator[None]:
    """Close the sink at the end. Where something else went wrong before, a failure of that is logged alone."""
    try:
        yield
    except BaseException:
        try:
            await sink.close()
        except DatasyncError as error:
            structlog.get_logger().error(str(error), code=error.code)
        raise
    await sink.close()
