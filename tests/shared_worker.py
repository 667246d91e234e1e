"""A process that sends all requests that a shared budget gives it: `python -m tests.shared_worker` with JSON on stdin.

It prints its name in the row, waits for a line on standard input and then goes on until it is ended. It decides nothing
about the limit itself and reads no headers: a refusal would only show in the API's own log.
"""

import asyncio
import sys
import time

import httpx
import msgspec

from datasync.config import Secret, Settings
from datasync.limits.shared import SharedBudget, shared_budget
from datasync.limits.shared_stock import Slot

TASKS = 8


class Orders(msgspec.Struct, frozen=True):
    """What the process is told.

    Attributes:
        name: comes back in the API's log, as the cursor that was asked for.
        max_slots, window: the limit.
    """

    name: str
    dsn: str
    base_url: str
    api_key: str
    max_slots: int
    window: float


async def work(orders: Orders, budget: SharedBudget, client: httpx.AsyncClient) -> None:
    """Send one request after the other."""
    while True:
        turn = await budget.take("metrics", orders.max_slots, orders.window)
        if isinstance(turn, Slot):
            await client.get("/metrics", params={"cursor": orders.name, "limit": 1})
            budget.answered(turn)
        else:
            await asyncio.sleep(turn)


async def main(orders: Orders) -> None:
    """Work until ended."""
    settings = Settings(
        Secret(orders.dsn, source="test"), orders.base_url, Secret(orders.api_key, source="test"), sink="jsonl"
    )
    headers = {"X-API-Key": orders.api_key}
    async with (
        httpx.AsyncClient(base_url=orders.base_url, headers=headers, trust_env=False) as client,
        shared_budget(settings, orders.base_url, time.monotonic) as budget,
        asyncio.TaskGroup() as group,
    ):
        sys.stdout.write(f"{budget.holder}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        for _ in range(TASKS):
            group.create_task(work(orders, budget, client))


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.stdin.readline(), type=Orders)))
