"""A simulated API in the test's own process, against a clock of the test's own."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from datasync.simulator.app import build_app
from datasync.simulator.cursor import encode_cursor
from datasync.simulator.feed import FEED_PATH
from datasync.simulator.options import SimulatorOptions
from datasync.simulator.state import Simulator

LIST = "/api/v1/events"
ACCESS = "/internal/dashboard/stream-access"


class Api:
    """A simulated API with a hand-driven clock and a client of one request at a time."""

    def __init__(self, **options: Any) -> None:
        self.now = 1_800_000_000.0
        chosen = {"count": 2_500, "page_cap": 1_000, "rate_limit": "none", "prerender": "none", **options}
        self.simulator = Simulator(SimulatorOptions(**chosen), lambda: self.now)
        self.dataset = self.simulator.dataset
        self.app = build_app(self.simulator)

    def ask(self, path: str, *, method: str = "GET", key: str | None = "demo-key", **more: Any) -> httpx.Response:
        async def exchange() -> httpx.Response:
            headers = {**({"X-API-Key": key} if key else {}), **more.pop("headers", {})}
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://api") as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(exchange())

    def walk(self, path: str, **params: Any) -> list[dict[str, Any]]:
        token = {"X-Stream-Token": self.token()} if path == FEED_PATH else {}
        records, cursor = [], None
        while True:
            page = self.ask(path, params={**params, **({"cursor": cursor} if cursor else {})}, headers=token).json()
            records += page["data"]
            cursor = page["pagination"]["nextCursor"]
            assert page["pagination"]["hasMore"] is (cursor is not None)
            if cursor is None:
                return records

    def token(self) -> str:
        answer = self.ask(ACCESS, method="POST", headers={"X-Dashboard-Access": "demo"})
        return str(answer.json()["streamAccess"]["token"])

    def cursor(self, index: int, ttl: float = 60) -> str:
        ts, id = self.dataset.timestamp_ms(index), self.dataset.id(index)
        return encode_cursor(id=id, ts=ts, exp=int((self.now + ttl) * 1_000))
