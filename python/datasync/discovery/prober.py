"""Asks questions within a budget, keeps to what the API says of its limits, and stops when it is refused."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from datasync.discovery.columns import identities
from datasync.discovery.document import Document, read
from datasync.discovery.findings import Findings, Trial
from datasync.errors import NotAPage, SourceError
from datasync.http.redact import redact
from datasync.http.transport import Answer, Transport
from datasync.limits.headers import quotas
from datasync.limits.memory import ResetMemory
from datasync.limits.refusal import is_limit_signal, refusal_hints
from datasync.limits.window import WindowLength
from datasync.model import Request

FAILURES: Final = 3
"""Requests in a row that may fail before asking ends."""


class Enough(Exception):
    """No further request may be sent. The message says why."""


class Seen(msgspec.Struct, frozen=True):
    """What came of a request.

    Attributes:
        params: of the question, besides those that each request has.
        failure: why there is no document, or None.
        error: what the transport raised.
        ids: what tells the records apart.
    """

    params: Mapping[str, str | int]
    answer: Answer | None = None
    document: Document | None = None
    failure: str | None = None
    error: SourceError | None = None
    ids: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Records in it."""
        return len(self.ids)

    @property
    def ok(self) -> bool:
        """Whether it is a page, if an empty one."""
        return self.document is not None


class Prober:
    """Sends requests one after the other.

    Attributes:
        findings: told of each request and of the limits.
        records_at, key_field: where the records are and what tells them apart, once that is known.
    """

    def __init__(
        self,
        findings: Findings,
        path: str,
        params: Mapping[str, str],
        *,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        waiting: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        """Take the seconds that may be waited for the rate limit in all, and who is told of a wait."""
        self.findings = findings
        self.path = path
        self.params = params
        self.records_at: str | None = None
        self.key_field: str | None = None
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._waiting = waiting
        self._transport: Transport | None = None
        self._memory = ResetMemory()
        self._window = WindowLength()
        self._free_at: float | None = None
        self._failures = 0

    def use(self, transport: Transport) -> None:
        """Ask through it. It calls `count` before each request that goes out."""
        self._transport = transport

    def count(self) -> None:
        """Take one request off the budget.

        Raises:
            Enough: there is none left.
        """
        if self.findings.used >= self.findings.allowed:
            raise Enough(f"all {self.findings.allowed} requests are used")
        self.findings.used += 1

    def left(self) -> int:
        """Requests that are left."""
        return self.findings.allowed - self.findings.used

    async def wait(self, seconds: float) -> None:
        """Let time pass that somebody asked for."""
        await self._sleep(seconds)

    def note(self, asked: str, outcome: str) -> None:
        """Keep a question and what came of it."""
        self.findings.tried.append(Trial(redact(asked), redact(outcome)))

    async def ask(self, params: Mapping[str, str | int], *, url: str | None = None) -> Seen:
        """Ask for the list with further parameters, or for `url` instead, which is on the same origin.

        Raises:
            Enough: the budget is used, the API refuses or is about to, or it fails again and again.
        """
        assert self._transport is not None
        await self.ready()
        query: dict[str, str | int] = {} if url is not None else {**self.params, **params}
        sent = self._clock()
        try:
            answer = await self._transport.get(Request(self.path, query, url=url))
        except SourceError as error:
            self._failed(str(error))
            return Seen(params, failure=str(error), error=error)
        self._read_limits(answer, sent)
        if is_limit_signal(answer.status, answer.headers, answer.body):
            self._refused(answer)
        if answer.status >= 500:
            self._failed(f"status {answer.status}")
            return Seen(params, answer, failure=f"status {answer.status}")
        self._failures = 0
        if answer.status != 200:
            return Seen(params, answer, failure=f"status {answer.status}")
        try:
            document = read(answer.body, answer.headers.get("content-type", ""), self.records_at)
        except NotAPage as error:
            return Seen(params, answer, failure=str(error), error=error)
        ids = tuple(identities(document.records, self.key_field))
        return Seen(params, answer, document, ids=ids)

    async def ready(self) -> None:
        """Wait until a request may go out.

        Raises:
            Enough: none may, or not soon enough.
        """
        if self.left() <= 0:
            raise Enough(f"all {self.findings.allowed} requests are used")
        if self._free_at is None or (wait := self._free_at - self._clock()) <= 0:
            return
        if wait > self._patience:
            how_long = f"for {wait:.0f} s" if math.isfinite(wait) else "and the API doesn't say for how long"
            raise Enough(f"nothing is left of the rate limit {how_long}")
        self._patience -= wait
        self._waiting(wait)
        await self._sleep(wait)

    def _read_limits(self, answer: Answer, sent: float) -> None:
        now, wall = self._clock(), answer.received_us / 1e6
        found = quotas(answer.headers, sent=sent, received=now, wall=wall, memory=self._memory)
        if not found:
            return
        self.findings.limits = tuple(found)
        self._free_at = None
        for quota in found:
            if quota.unit != "requests":
                continue
            if quota.window is not None:
                self._window.declared(quota.window)
            elif quota.reset is not None and quota.limit is not None and not quota.full:
                self._window.saw(quota.reset, fresh=quota.remaining is not None and quota.remaining >= quota.limit - 1)
            if quota.remaining is not None and quota.remaining < 1:
                # Without a reset nobody knows for how long.
                self._free_at = max(self._free_at or 0.0, now + (quota.reset[1] if quota.reset else float("inf")))
        self.findings.window = self._window.seconds if self._window.sure else None

    def _refused(self, answer: Answer) -> None:
        hints = refusal_hints(answer.headers, answer.body, wall=answer.received_us / 1e6)
        self.findings.retry_after = hints.retry_after
        told = "" if hints.retry_after is None else f", and says to wait {hints.retry_after:.0f} s"
        raise Enough(f"the API refused a request by its {hints.kind} limit ({answer.status}){told}")

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures >= FAILURES and self.findings.first is not None:
            raise Enough(f"the API failed {FAILURES} times in a row: {why}")
