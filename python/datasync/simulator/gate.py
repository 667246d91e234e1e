"""The way of every request under `/api/v1`: key, quota, damage, latency, handler, and out through the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from datasync.simulator.limits import Quota
from datasync.simulator.reply import ApiError, Reply, compressed, html_reply
from datasync.simulator.state import Simulator
from datasync.simulator.wire import Wire


class Call:
    """One request on its way.

    Attributes:
        simulator: The API that is asked.
        request: What was asked.
        arrived: When, in epoch seconds; a cursor's life counts from here.
        damage: The kind of damage that this answer is to suffer.
    """

    def __init__(self, simulator: Simulator, request: Request) -> None:
        self.simulator = simulator
        self.request = request
        self.arrived = simulator.clock()
        self.quota: Quota | None = None
        self.damage: str | None = None

    def query(self, name: str) -> str | None:
        """Give a query parameter, None if it is absent or empty."""
        return self.request.query_params.get(name) or None


Handler = Callable[[Call], Coroutine[Any, Any, Reply]]

_STATUS_DAMAGE = {"500": "INTERNAL_ERROR", "502": "BAD_GATEWAY", "503": "SERVICE_UNAVAILABLE", "504": "GATEWAY_TIMEOUT"}


class Gate:
    """An ASGI application around one handler.

    `keyed` endpoints want the API key, `damageable` ones suffer the chaos; the name decides limit and log.
    """

    def __init__(
        self, simulator: Simulator, name: str, handler: Handler, *, keyed: bool = True, damageable: bool = False
    ) -> None:
        self._simulator = simulator
        self._name = name
        self._handler = handler
        self._keyed = keyed
        self._damageable = damageable

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        simulator, options = self._simulator, self._simulator.options
        call = Call(simulator, Request(scope, receive))
        refusal = self._refuse(call)
        if options.latency:
            await asyncio.sleep(options.latency)
        try:
            reply = refusal.reply() if refusal else _damaged_status(call) or await self._handler(call)
        except ApiError as error:
            reply = error.reply()
        if options.gzip and "gzip" in call.request.headers.get("accept-encoding", ""):
            reply = compressed(reply)
        if call.quota:
            reply.headers = {**self._quota_headers(call), **reply.headers}
        wire = Wire(scope, receive, send, slow_seconds=options.slow_seconds)
        damage = tuple(filter(None, (call.damage, *reply.damage)))
        entry = simulator.served.begin(
            time=call.arrived,
            endpoint=self._name,
            cursor=call.query("cursor"),
            first=reply.first,
            count=reply.count,
            status=0 if call.damage == "reset" else reply.status,
            chaos=",".join(damage) or None,
        )
        try:
            await wire.write(reply, call.damage, damage, entry)
        finally:
            entry.ended = simulator.clock()

    def _refuse(self, call: Call) -> ApiError | None:
        """Check the key, take a slot and draw the damage; give the error of a request that goes no further."""
        headers = call.request.headers
        if self._keyed and (headers.get("x-api-key") or call.query("api_key")) != self._simulator.options.api_key:
            return ApiError(401, "UNAUTHORIZED", "A valid API key is required")
        call.quota = self._simulator.limits.take(self._name)
        if call.quota and call.quota.refused:
            return _refusal(call.quota)
        if self._damageable:
            call.damage = self._simulator.chaos.next_request()
        return None

    def _quota_headers(self, call: Call) -> dict[str, str]:
        """Give the rate headers; the feed has a limit but never tells it, apart from when to come back."""
        quota = call.quota
        if quota is None:
            return {}
        if self._name == "feed":
            return {"Retry-After": str(quota.reset)} if quota.refused else {}
        if call.damage == "stale_quota":
            return Quota(quota.limit, quota.limit, quota.reset, refused=False).headers()
        return quota.headers()


def _refusal(quota: Quota) -> ApiError:
    body = {"limit": quota.limit, "remaining": quota.remaining, "reset": quota.reset, "retryAfter": quota.reset}
    message = f"Rate limit exceeded. Try again in {quota.reset} seconds."
    return ApiError(429, "RATE_LIMIT_EXCEEDED", message, extra={"rateLimit": body})


def _damaged_status(call: Call) -> Reply | None:
    """Give the answer whose status is the damage, None where the damage is another."""
    if call.damage == "429":
        reply = _refusal(call.quota or Quota(10, 0, 1, refused=True)).reply()
        reply.headers = {"Retry-After": str(call.quota.reset if call.quota else 1)}
        return reply
    if call.damage == "html_502":
        return html_reply(502)
    if call.damage in _STATUS_DAMAGE:
        return ApiError(int(call.damage), _STATUS_DAMAGE[call.damage], "The request could not be served").reply()
    return None
