"""Tokens of OAuth and of logins: one for all requests, renewed in time, replaced once when refused. No time passes."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from structlog.testing import capture_logs

from datasync.config import Secret
from datasync.config.spec import OAuth2, TokenExchange
from datasync.errors import AuthError, ConfigError, ContractChanged, PageDamaged, RetriableSourceError, ServerError
from datasync.http.login import LoginGrant
from datasync.http.oauth import LIVES, OAuthGrant
from datasync.http.token import TokenAuth
from datasync.http.transport import Answer
from tests.resting import BASE
from tests.support import Clock
from tests.token_api import Raw, settle

SECRET = Secret("canary secret/é", source="CLIENT_SECRET")
REFRESH = Secret("canary-refresh", source="REFRESH_TOKEN")
TOKEN_URL = "https://login.example.com/oauth/token"
OAUTH = OAuth2(token_url=TOKEN_URL, client_id="me:too", client_secret=SECRET, scope="read all")
LOGIN = TokenExchange(
    url="/login",
    body={"user": Secret("me", source="USER"), "password": SECRET},
    headers={"X-Key": Secret("canary-key", source="LOGIN_KEY")},
    token="session.id",
    lifetime="session.seconds",
    header="X-Session",
    prefix="S ",
    refused_status=403,
)


class Server:
    """Gives tokens, and pages for those that it gave last.

    Attributes:
        posts: what was sent for each token: URL, headers and body.
        reply: makes the answer of the n-th request for a token.
        tokens: what each request for a page carried.
    """

    def __init__(self, wanted: OAuth2 | TokenExchange, reply: Callable[[int], object], *, refused: int = 401) -> None:
        self.clock = Clock()
        self.posts: list[tuple[str, Mapping[str, str], bytes]] = []
        self.reply = reply
        self.tokens: list[str] = []
        self.learned: list[str] = []
        self.good = True
        self._refused = refused
        learn = lambda secret: self.learned.append(secret.reveal())  # noqa: E731
        grant: OAuthGrant | LoginGrant
        if isinstance(wanted, OAuth2):
            grant = OAuthGrant(wanted, base_url=BASE, learn=learn)
        else:
            grant = LoginGrant(wanted, base_url=BASE, learn=learn)
        self.auth = TokenAuth(grant, clock=self.clock, sleep=self.clock.sleep)
        self.auth.bind(self.post)

    async def post(
        self, url: str, headers: Mapping[str, str], auth: httpx.Auth | None, content: bytes | None = None
    ) -> Answer:
        assert auth is None
        assert content is not None
        self.posts.append((url, headers, content))
        await asyncio.sleep(0)
        reply = self.reply(len(self.posts))
        self.good = True
        status, body = reply if isinstance(reply, tuple) else (200, reply)
        return Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode(), 0, 0)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        name = "x-session" if "x-session" in request.headers else "authorization"
        self.tokens.append(request.headers.get(name, ""))
        await asyncio.sleep(0)
        return httpx.Response(200 if self.good else self._refused, stream=Raw(b"{}"))

    def run(self, main: Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]) -> None:
        async def with_client() -> None:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self.handle), auth=self.auth) as client:
                await main(client)
            await self.auth.close()

        asyncio.run(with_client())


def bearer(number: int, **more: object) -> dict[str, object]:
    return {"access_token": f"token-number-{number}", "token_type": "bearer", "expires_in": 300, **more}


def session(number: int) -> dict[str, object]:
    return {"session": {"id": f"token-number-{number}", "seconds": 300}}


async def get(client: httpx.AsyncClient, url: str = f"{BASE}/things") -> int:
    return (await client.get(url)).status_code


def test_a_client_asks_with_its_own_credentials() -> None:
    server = Server(OAUTH, bearer)
    server.run(_twice)
    ((url, headers, body),) = server.posts
    assert url == TOKEN_URL
    assert parse_qs(body.decode()) == {"grant_type": ["client_credentials"], "scope": ["read all"]}
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    # RFC 6749 section 2.3.1: form-encoded, so that a colon in the name is none.
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"me%3Atoo:canary+secret%2F%C3%A9"
    assert server.tokens == ["Bearer token-number-1"] * 2
    assert server.learned == ["token-number-1"]


async def _twice(client: httpx.AsyncClient) -> None:
    assert [await get(client), await get(client)] == [200, 200]


def test_or_in_the_body_and_with_a_refresh_token() -> None:
    wanted = OAuth2(token_url="oauth/token", client_id="me", client_secret=SECRET, refresh_token=REFRESH, style="body")
    server = Server(wanted, bearer)
    server.run(_twice)
    ((url, headers, body),) = server.posts
    assert url == "https://api.example.com/oauth/token"
    assert "authorization" not in headers
    assert parse_qs(body.decode()) == {
        "grant_type": ["refresh_token"], "refresh_token": [REFRESH.reveal()], "client_id": ["me"],
        "client_secret": [SECRET.reveal()],
    }  # fmt: skip


def test_a_login_sends_its_body_and_the_session_goes_in_its_header() -> None:
    server = Server(LOGIN, session)
    server.run(_twice)
    ((url, headers, body),) = server.posts
    assert url == "https://api.example.com/login"
    assert json.loads(body) == {"user": "me", "password": SECRET.reveal()}
    assert (headers["content-type"], headers["X-Key"]) == ("application/json", "canary-key")
    assert server.tokens == ["S token-number-1"] * 2


@pytest.mark.parametrize("wanted", [OAUTH, LOGIN])
def test_one_token_serves_all_and_is_renewed_before_its_end(wanted: OAuth2 | TokenExchange) -> None:
    server = Server(wanted, bearer if wanted is OAUTH else session)

    async def main(client: httpx.AsyncClient) -> None:
        assert await asyncio.gather(*(get(client) for _ in range(20))) == [200] * 20
        assert len(server.posts) == 1
        server.clock.now += 239
        await get(client)
        await settle()
        assert len(server.posts) == 1
        server.clock.now += 1
        await get(client)
        await settle()
        assert len(server.posts) == 2
        await get(client)
        assert server.tokens[-1].endswith("token-number-2")

    server.run(main)


@pytest.mark.parametrize("wanted", [OAUTH, LOGIN])
def test_a_refused_token_is_replaced_once_whoever_carried_it(wanted: OAuth2 | TokenExchange) -> None:
    server = Server(wanted, bearer if wanted is OAUTH else session, refused=401 if wanted is OAUTH else 403)

    async def main(client: httpx.AsyncClient) -> None:
        await get(client)
        server.good = False
        assert await asyncio.gather(*(get(client) for _ in range(5))) == [200] * 5
        assert len(server.posts) == 2

    server.run(main)


def test_a_token_refused_at_once_ends_the_run() -> None:
    server = Server(OAUTH, bearer)

    async def main(client: httpx.AsyncClient) -> None:
        await get(client)

        async def never(request: httpx.Request) -> httpx.Response:
            return httpx.Response(401, stream=Raw(b"{}"))

        async with httpx.AsyncClient(transport=httpx.MockTransport(never), auth=server.auth) as other:
            with pytest.raises(AuthError, match="a token, and the one it gave instead"):
                await get(other)
        assert len(server.posts) == 2

    server.run(main)


@pytest.mark.parametrize("wanted", [OAUTH, LOGIN])
def test_no_token_goes_to_another_origin_and_none_is_asked_for(wanted: OAuth2 | TokenExchange) -> None:
    server = Server(wanted, bearer)

    async def main(client: httpx.AsyncClient) -> None:
        for url in ("https://evil.example/v1", "http://api.example.com/v1", "https://login.example.com/"):
            assert await get(client, url) == 200

    server.run(main)
    assert (server.posts, set(server.tokens)) == ([], {""})


def test_a_refresh_token_that_is_replaced_is_used_from_then_on_and_warned_of_once() -> None:
    wanted = OAuth2(token_url=TOKEN_URL, client_id="me", client_secret=SECRET, refresh_token=REFRESH)
    server = Server(wanted, lambda number: bearer(number, refresh_token=f"canary-refresh-{number}"))

    async def main(client: httpx.AsyncClient) -> None:
        for _ in range(4):
            await get(client)
            server.clock.now += 400

    with capture_logs() as logs:
        server.run(main)
    spent = [parse_qs(body.decode())["refresh_token"][0] for _, _, body in server.posts]
    assert spent == ["canary-refresh", "canary-refresh-1", "canary-refresh-2", "canary-refresh-3"]
    assert "canary-refresh-1" in server.learned
    assert [line["log_level"] for line in logs] == ["warning"]
    assert "canary" not in str(logs)
    assert logs[0]["source"] == "REFRESH_TOKEN"


def test_a_life_that_is_not_told_is_an_hour_and_one_in_quotes_counts() -> None:
    for said, life in (({"expires_in": None}, LIVES), ({"expires_in": "60"}, 60.0)):
        server = Server(OAUTH, lambda number, said=said: bearer(number, **said))  # type: ignore[misc]

        async def main(client: httpx.AsyncClient, server: Server = server, life: float = life) -> None:
            await get(client)
            server.clock.now += 0.79 * life
            await get(client)
            await settle()
            assert len(server.posts) == 1
            server.clock.now += 0.21 * life
            await get(client)
            assert len(server.posts) == 2

        server.run(main)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((400, {"error": "invalid_client"}), AuthError),
        ((400, {"error": "invalid_grant", "error_description": "canary"}), AuthError),
        ((401, {"error": "invalid_client"}), AuthError),
        ((400, {"error": "canary_not_a_code_of_the_rfc"}), ContractChanged),
        ((302, {}), ContractChanged),
        ((503, {}), ServerError),
        ((429, {}), RetriableSourceError),
        ({"access_token": "canary-token", "token_type": "mac", "expires_in": 9}, ContractChanged),
        ({"access_token": "canary-token", "expires_in": "soon"}, ContractChanged),
        ({"access_token": "canary-token", "expires_in": True}, ContractChanged),
        ({"access_token": "short"}, ContractChanged),
        ({"access_token": "canary\r\ntoken"}, ContractChanged),
        ({"token": "canary-token"}, ContractChanged),
        (b"<html>", PageDamaged),
        ([], ContractChanged),
    ],
)
def test_a_token_that_is_not_given_fails_the_request_by_name(reply: object, error: type[Exception]) -> None:
    server = Server(OAUTH, lambda _: reply)

    async def main(client: httpx.AsyncClient) -> None:
        with pytest.raises(error) as caught:
            await get(client)
        assert type(caught.value) is error
        assert "canary-" not in str(caught.value)
        assert SECRET.reveal() not in str(caught.value)

    server.run(main)
    assert server.tokens == []


@pytest.mark.parametrize("url", ["ftp://login.example.com/t", "https://", "https://u:canary@h/t", "https://h:x/t"])
def test_a_place_that_gives_no_tokens_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OAuthGrant(OAuth2(token_url=url, client_id="me", client_secret=SECRET), base_url=BASE, learn=lambda _: None)
    assert "canary" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize("wrong", [{"lives": "soon"}, {"lives": 0}, {"header": "Host"}])
def test_a_login_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        LoginGrant(TokenExchange(**{"url": "/login", "token": "t", **wrong}), base_url=BASE, learn=lambda _: None)


def test_credentials_that_travel_in_the_open_are_warned_of() -> None:
    with capture_logs() as logs:
        OAuthGrant(
            OAuth2(token_url="http://login.example.com/t", client_id="me", client_secret=SECRET),
            base_url=BASE, learn=lambda _: None,
        )  # fmt: skip
    assert [line["to"] for line in logs] == ["http://login.example.com"]
