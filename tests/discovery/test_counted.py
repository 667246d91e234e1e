"""Each request that goes out is told of before it does, those that the transport repeats by itself too."""

import asyncio

import pytest

from datasync.http.auth import ApiKeyAuth
from datasync.http.client import HttpxTransport
from tests.contract.bad_server import REQUEST, Server, close, page, settings


def test_a_request_that_is_sent_again_on_a_new_connection_counts_twice() -> None:
    counted: list[None] = []

    async def main() -> None:
        server = Server(page, close, page)
        async with server.running():
            chosen = settings(f"http://127.0.0.1:{server.port}/api")
            auth = ApiKeyAuth("X-API-Key", chosen.api_key, base_url=chosen.api_base_url)
            async with HttpxTransport(chosen, auth, sending=lambda: counted.append(None)) as transport:
                await transport.get(REQUEST)
                await transport.get(REQUEST)
        assert sum(map(len, server.requests)) == len(counted) == 3

    asyncio.run(main())


def test_what_the_counter_raises_keeps_the_request_from_going_out() -> None:
    class Spent(Exception):
        pass

    def refuse() -> None:
        raise Spent

    async def main() -> None:
        server = Server(page)
        async with server.running():
            chosen = settings(f"http://127.0.0.1:{server.port}/api")
            auth = ApiKeyAuth("X-API-Key", chosen.api_key, base_url=chosen.api_base_url)
            async with HttpxTransport(chosen, auth, sending=refuse) as transport:
                with pytest.raises(Spent):
                    await transport.get(REQUEST)
        assert not server.requests

    asyncio.run(main())
