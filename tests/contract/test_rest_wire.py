"""Declared endpoints on real sockets: each kind of paging and each kind of credentials."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from datasync.config import Secret
from datasync.config.spec import Auth, Basic, Bearer, HeaderKey, NextUrlPaging, OAuth2, QueryKey, TokenExchange
from datasync.endpoints.rest import RestEndpoint
from datasync.errors import ContractChanged, DatasyncError
from datasync.http.client import HttpxTransport
from datasync.http.transport import Answer
from datasync.model import Checkpoint, Request
from tests import scripted
from tests.rest_apis import KINDS, api, windowed
from tests.resting import BASE, NOW, Reading, Script, answer, read_by, records, settings
from tests.scripted import Asked, Server

KEY = Secret("canary-5f1d7c-key", source="KEY")
TOKEN = {"access_token": "token-number-1", "expires_in": 300, "token": "token-number-1"}


class Api(Server):
    """Serves a script; `/token` and `/login` give tokens.

    Attributes:
        base_url: of the API.
        seen: of each request for a page: target and headers.
        posts: of each request for a token: path and body.
    """

    def __init__(self, script: Script, allowed: Callable[[str, Any], bool] = lambda *_: True) -> None:
        super().__init__(self._answer)
        self._script = script
        self._allowed = allowed
        self.base_url = f"{self.origin}/v1"
        self.seen: list[tuple[str, Any]] = []
        self.posts: list[tuple[str, bytes]] = []

    def _answer(self, asked: Asked) -> scripted.Answer:
        given = self._given(asked)
        body = given.body.replace(BASE.encode(), self.base_url.encode())
        return given.status, {name: text.replace(BASE, self.base_url) for name, text in given.headers.items()}, body

    def _given(self, asked: Asked) -> Answer:
        if asked.method == "POST" and asked.target in ("/token", "/login"):
            self.posts.append((asked.target, asked.body))
            return answer(TOKEN)
        self.seen.append((asked.target, asked.headers))
        if not self._allowed(asked.target, asked.headers):
            return answer({}, status=401)
        content = asked.body if asked.method == "POST" else None
        return self._script(Request(asked.path, asked.query, content=content))

    def read(self, paging: Any, auth: Auth | None = None, **spec: Any) -> Reading:
        run = settings(paging, auth=auth, base_url=self.base_url, **spec)
        endpoint = RestEndpoint(run, now=lambda: NOW)

        async def main() -> Reading:
            async with HttpxTransport(run, endpoint.auth) as transport:
                return await read_by(transport, endpoint, Checkpoint())

        return asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_paging_is_read_to_its_end(kind: str) -> None:
    paging, script = api(kind, range(25), 10)
    with Api(script) as served:
        came = served.read(paging, method="POST" if kind.endswith("body") else "GET")
    assert came.ids == [str(one) for one in range(25)]
    assert came.checkpoint.complete


def test_spans_of_time_are_read_to_now() -> None:
    moments = [int(NOW) - age for age in (200_000, 150_000, 100, 50)]
    paging, script = windowed("cursor", moments, 1, days=5)
    with Api(script) as served:
        came = served.read(paging)
    assert came.ids == [str(moment) for moment in moments]


def test_a_next_page_on_another_server_is_not_asked_for() -> None:
    with Api(lambda _: answer({"data": records([2])})) as other:
        link = f"{other.base_url}/things"
        with (
            Api(lambda _: answer({"data": records([1]), "next": link})) as served,
            pytest.raises(ContractChanged, match="another origin"),
        ):
            served.read(NextUrlPaging(), HeaderKey(key=KEY))
    assert other.seen == []


def has(name: str, value: str) -> Callable[[str, Any], bool]:
    return lambda _, headers: headers.get(name) == value


@pytest.mark.parametrize(
    ("auth", "allowed"),
    [
        (HeaderKey(key=KEY), has("X-API-Key", KEY.reveal())),
        (Bearer(token=KEY), has("Authorization", f"Bearer {KEY.reveal()}")),
        (Basic(username="me", password=KEY), has("Authorization", "Basic bWU6Y2FuYXJ5LTVmMWQ3Yy1rZXk=")),
        (QueryKey(key=KEY), lambda path, _: f"api_key={KEY.reveal()}" in path),
        (OAuth2(token_url="/token", client_id="me", client_secret=KEY), has("Authorization", "Bearer token-number-1")),
        (TokenExchange(url="/login", token="token", body={"p": KEY}), has("Authorization", "Bearer token-number-1")),
    ],
)
@pytest.mark.parametrize("kind", ["next_url path", "cursor body"])
def test_every_kind_of_credentials_opens_every_page(auth: Auth, allowed: Callable[[str, Any], bool], kind: str) -> None:
    paging, script = api(kind, range(25), 10)
    with Api(script, allowed) as served:
        came = served.read(paging, auth, method="POST" if kind.endswith("body") else "GET")
    assert len(came.ids) == 25
    assert len(served.seen) == 3
    assert "canary" not in str(came.checkpoint)
    assert len(served.posts) == isinstance(auth, OAuth2 | TokenExchange)
    if isinstance(auth, TokenExchange):
        assert json.loads(served.posts[0][1]) == {"p": KEY.reveal()}


@pytest.mark.parametrize("status", [401, 404, 500, 301, None])
def test_no_failure_shows_a_key_of_the_query(status: int | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def main(run: Any) -> None:
        endpoint = RestEndpoint(run)
        async with HttpxTransport(run, endpoint.auth) as transport:
            endpoint.check(await transport.get(endpoint.request(None)))

    with Api(lambda _: answer({"code": "x"}, status=status or 200)) as served:
        auth = QueryKey(key=KEY, param="appid")  # no name that gives it away
        run = settings(NextUrlPaging(), auth=auth, base_url=served.base_url)
        if status is not None:
            with pytest.raises(DatasyncError) as caught:
                asyncio.run(main(run))
            assert "canary" in served.seen[0][0]
    if status is None:
        with pytest.raises(DatasyncError) as caught:  # nobody listens there any more
            asyncio.run(main(run))
        assert isinstance(caught.value.__cause__, httpx.TransportError)
    assert "canary" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}{caplog.text}"
