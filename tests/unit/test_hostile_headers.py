"""The governor against headers that make no sense, in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasync.errors import Paused
from datasync.limits.governor import NO_END
from datasync.simulator.virtual.loop import run
from tests.limiter import answer, idle, make

HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "x-ratelimit-used",
            "ratelimit",
            "ratelimit-policy",
            "retry-after",
            "x-shopify-shop-api-call-limit",
            "x-amzn-ratelimit-limit",
            "age",
            "date",
        ]
    ),
    st.sampled_from(
        ["0", "1", "-5", "10", "10, 10;w=1", "60", "1e12", "nan", "1e308", "9223372036854775808", "0.5", ""]
    )
    | st.sampled_from(['"a";q=0;w=0', '"a";r=0;t=0', '"a";q=10;w=60', '"a";r=3;t=2147483647', "40/40", "0/0", "99/1"])
    | st.sampled_from(["1790000000", "1790000060000", "Wed, 21 Oct 2015 07:28:00 GMT", "6m0s", "2.0", "999999999"]),
    max_size=6,
)


@pytest.mark.fault(31)
@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(HEADERS, st.sampled_from([200, 200, 200, 404, 429, 403, 500, 503]), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_no_header_brings_the_governor_to_a_stop_or_down(
    replies: list[tuple[dict[str, str], int, bool]],
) -> None:
    async def main() -> None:
        async def wait(seconds: float) -> None:
            assert 0 <= seconds <= 900
            if seconds == NO_END:  # only an answer can tell, so one must be on its way
                await asyncio.sleep(0.001)
                assert any(governor._in_flight.values())
            await asyncio.sleep(seconds)

        governor = make(4, wait, max_wait=900)
        left = list(replies)

        async def worker(route: str) -> None:
            try:
                while left:
                    headers, status, lost = left.pop()
                    async with governor.permit(route) as permit:
                        await asyncio.sleep(0.2)
                        if not lost:
                            reply = answer(status, headers)
                            (permit.refused if status in (429, 403) else permit.answered)(reply)
            except Paused:
                return

        async with asyncio.TaskGroup() as group:
            for route in ("a", "a", "b", "c"):
                group.create_task(worker(route))
        assert idle(governor)

    run(main())
