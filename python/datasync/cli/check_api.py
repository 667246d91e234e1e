"""`datasync check`: the API, by one request for the first page with one record, where it can be asked for so few."""

import time
from collections.abc import Callable
from typing import Final

from datasync.cli.check_finding import Finding, Found, failed, ok, warning
from datasync.config import Settings
from datasync.endpoints.base import Endpoint, Incremental, Resizable
from datasync.errors import DatasyncError, RateLimited
from datasync.http.client import HttpxTransport
from datasync.http.retry import server_time
from datasync.http.transport import Answer
from datasync.pipeline.choice import choose
from datasync.pipeline.lanes import reading
from datasync.plugins import Plugins, blamed, resolve

SKEW: Final = 10.0
"""Seconds between two clocks that are worth a warning: waits for a rate limit and lives of cursors are told by them."""


async def look(settings: Settings, plugins: Plugins, found: Found, clock: Callable[[], float] = time.time) -> None:
    """Ask once, outside of any budget that is shared, and look at the answer."""
    try:
        with blamed(f"the endpoint `{settings.endpoint}`"):
            endpoint: Endpoint = resolve("endpoint", settings.endpoint, plugins.endpoints)(settings)
        asked = clock()
        answer = await _ask(settings, endpoint)
        middle = (asked + clock()) / 2
    except DatasyncError as error:
        found(failed("api", error, hint=f"is {settings.api_base_url} the API's root, and reachable from here?"))
        return
    found(_judged(endpoint, answer))
    found(clocks(server_time(answer), middle))


async def _ask(settings: Settings, endpoint: Endpoint) -> Answer:
    if isinstance(endpoint, Incremental):
        endpoint.begin(None)
    request = endpoint.request(None)
    if isinstance(endpoint, Resizable):
        request = endpoint.resized(request, 1)
    async with HttpxTransport(settings, endpoint.auth) as transport:
        return await transport.get(request)


def _judged(endpoint: Endpoint, answer: Answer) -> Finding:
    try:
        endpoint.check(answer)
        with reading(endpoint.plan, answer.body, first=True):
            page = choose(endpoint.plan, None).encode(answer.body, cursor=None, now_us=answer.received_us)
    except RateLimited as error:
        return warning("api", f"it refuses requests by its rate limit now: {error}", "a run would wait for it")
    except DatasyncError as error:
        return failed("api", error)
    if page.rejects:
        code = page.rejects[0].code
        hint = "`datasync ingest` sends such records to quarantine; does the endpoint fit the API?"
        return warning("api", f"{endpoint.name} answers, but its first record can't be stored: {code}", hint)
    total = "" if page.total is None else f", which says it has {page.total:,} records"
    return ok("api", f"{endpoint.name} answers{total}")


def clocks(server_ms: int | None, now: float) -> Finding:
    """Judge how far this machine's clock is from the API's, whose `Date` has whole seconds."""
    if server_ms is None:
        return ok("clock", "the API tells no time")
    # Anything within the second that it names is no difference.
    behind = server_ms / 1000 - now
    apart = max(0.0, behind, -behind - 1.0)
    if apart <= SKEW:
        return ok("clock", "as the API's" if apart < 1 else f"{apart:.0f} s from the API's")
    text = f"this machine's clock is {apart:,.0f} s {'behind' if behind > 0 else 'ahead of'} the API's"
    return warning("clock", text, "set it by NTP: waits and lives of cursors go by it")
