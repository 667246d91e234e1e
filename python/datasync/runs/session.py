"""What the endpoints of one configuration have in common while they are read: the stop, the limits, the thread."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from datasync.config import Settings
from datasync.http.budget import RetryBudget
from datasync.limits.concurrency import AdaptiveSlots, SeedSlots, Slots
from datasync.limits.governor import Governor
from datasync.limits.shared import shared_budget
from datasync.limits.sharing import SharedBuckets
from datasync.pipeline.shutdown import Stop
from datasync.plugins import Plugins
from datasync.stats import RunStats


class Session:
    """An async context. What was learned of an API's limits for one endpoint holds for the next one.

    Attributes:
        plugins: as they were loaded.
        stop: requested by a signal; ends all endpoints.
        tables: of the endpoints that were begun, by name.
        retries: bounds how often a failing API is asked again.
        thread: encodes pages. Not the loop's own executor, whose end the loop waits for: a transform that hangs must
            not hold the run.
    """

    def __init__(self, plugins: Plugins, stop: Stop) -> None:
        self.plugins = plugins
        self.stop = stop
        self.tables: dict[str, str] = {}
        self.retries = RetryBudget(time.monotonic)
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode")
        self._governors: dict[tuple[str, str], Governor] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._stack.aclose()
        finally:
            # Whatever ended the run: the thread would live as long as the process. One that hangs isn't waited for.
            self.thread.shutdown(wait=False, cancel_futures=True)

    async def governor(self, settings: Settings, stats: RunStats) -> Governor:
        """Give the one that endpoints of the same API and budget have in common. From now on it tells `stats`."""
        key = (settings.api_base_url, _budget(settings))
        governor = self._governors.get(key)
        if governor is None:
            shared = await self._shared(settings)
            wait = self.stop.wait
            governor = Governor(_slots(settings), stats, wait, max_wait=settings.limits.max_wait, shared=shared)
            self._governors[key] = governor
        governor.tell(stats)
        return governor

    async def _shared(self, settings: Settings) -> SharedBuckets | None:
        if not settings.limits.shared:
            return None
        budget = shared_budget(settings, settings.api_base_url, _awake)
        return SharedBuckets(await self._stack.enter_async_context(budget))


def _budget(settings: Settings) -> str:
    own = settings.spec.budget if settings.spec else None
    return own or (settings.api.budget if settings.api else "default")


def _awake() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _slots(settings: Settings) -> Slots:
    rules = SeedSlots if settings.limits.concurrency == "seed" else AdaptiveSlots
    return rules(settings.slots)
