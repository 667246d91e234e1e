"""The cursor that is tried is one that only now could be written, and none of the API's own."""

import asyncio
import time
from typing import Any

import pytest

from datasync.config.spec import CursorPaging
from datasync.discovery import columns, renewal
from datasync.discovery.findings import CursorFound, Findings, PagingFound
from datasync.discovery.paging import Found
from datasync.discovery.prober import Prober
from datasync.endpoints.paging.renew import decoded
from datasync.http.transport import Answer, Room
from datasync.model import Request
from tests.discovery.test_renewal_members import ENDS, NOW_MS, encoded, page, token

COLLIDES = ENDS - 110_000
"""The moment at which a cursor of 110 s ends when the API's own does."""


class Api:
    """Gives the same page always, with these headers; keeps the cursors that it was asked for."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.cursors: list[Any] = []

    async def get(self, request: Request, room: Room | None = None) -> Answer:
        assert room is None
        self.cursors.append(request.params.get("cursor"))
        return self.answer

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("late", [0, 1, 500])
def test_it_is_written_when_its_request_goes_out_and_ends_at_another_moment_than_the_apis_own(
    monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    now_ms = NOW_MS

    async def asleep(_seconds: float) -> None:
        nonlocal now_ms
        now_ms = COLLIDES + late

    headers = {"x-ratelimit-limit": "9", "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "9"}
    first, second = page(5, token(5)), page(6, token(6), **headers)
    assert second.answer is not None
    records = [record for one in (first, second) if one.document for record in one.document.records]
    findings = Findings("https://h/l", 9, records="data", key="id", cursor=CursorFound(120.0, "so", ("GONE",)))
    findings.columns = columns.infer(records, NOW_MS * 1000)
    api = Api(second.answer)
    prober = Prober(findings, "/l", {}, patience=1000.0, clock=lambda: now_ms / 1000, sleep=asleep)
    prober.key_field = "id"
    prober.use(api)
    monkeypatch.setattr(time, "time_ns", lambda: now_ms * 1_000_000)

    async def main() -> None:
        seen = await prober.ask({})  # nothing is left of the limit now
        found = Found(PagingFound(CursorPaging(next="next"), "verified", "so"), seen, {"cursor": encoded(token(5))})
        await renewal.find(prober, found, (first, seen))

    asyncio.run(main())
    assert findings.renewal is not None
    (cursor,) = api.cursors[1:]
    assert decoded(cursor) == token(5) | {"exp": ENDS + max(late, 1)}
