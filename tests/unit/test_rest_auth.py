"""Credentials of every kind: on each request to the API's origin, on none to another, and in no text."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import Secret
from datasync.config.invalid import InvalidSpec
from datasync.config.spec import Auth, Basic, Bearer, HeaderKey, NoAuth, NoPaging, PluginAuth, QueryKey
from datasync.endpoints.auth import build
from datasync.endpoints.rest import RestEndpoint
from datasync.errors import AuthError, PluginError
from tests.resting import BASE, answer, settings


def secret(value: str) -> Secret:
    return Secret(value, source="CANARY")


KEY = secret("canary-5f1d7c key&=")
STATIC: list[Auth] = [
    HeaderKey(key=KEY),
    QueryKey(key=KEY),
    Bearer(token=KEY, scheme="Token"),
    Basic(username="me", password=KEY),
]


class Signing(httpx.Auth):
    """What a plugin may bring."""

    def __init__(self, wanted: PluginAuth, _settings: object) -> None:
        self._wanted = wanted

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["x-signature"] = f"{self._wanted.options['salt']}/{request.url.path}"
        yield request


def sent(auth: Auth, url: str, *, auths: Mapping[str, Callable[..., Any]] = {}) -> httpx.Request:
    """The request as it goes out."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    async def main() -> None:
        given = build(auth, settings(NoPaging()), auths)
        async with httpx.AsyncClient(transport=httpx.MockTransport(handle), auth=given.auth) as client:
            await client.get(url)

    asyncio.run(main())
    return seen[0]


def test_each_kind_goes_where_its_standard_says() -> None:
    url = f"{BASE}/things?q=a%20b"
    assert sent(HeaderKey(key=KEY, header="X-Key"), url).headers["x-key"] == KEY.reveal()
    assert sent(Bearer(token=KEY), url).headers["authorization"] == f"Bearer {KEY.reveal()}"
    bare = HeaderKey(key=KEY, header="Authorization")
    assert sent(bare, url).headers["authorization"] == KEY.reveal()
    basic = sent(Basic(username="me", password=secret("p:w é")), url).headers["authorization"]
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == "me:p:w é"
    assert "authorization" not in sent(NoAuth(), url).headers
    query = sent(QueryKey(key=KEY, param="appid"), url + "&appid=old").url
    assert parse_qs(query.query.decode()) == {"q": ["a b"], "appid": [KEY.reveal()]}
    signed = sent(PluginAuth(name="signed", options={"salt": 7}), url, auths={"signed": Signing})
    assert signed.headers["x-signature"] == "7//v1/things"


HOSTS = st.sampled_from(
    ["api.example.com", "API.EXAMPLE.COM", "api.example.com.", "xapi.example.com", "api.example.com.evil.example",
     "evil.example", "example.com", "127.0.0.1", "[::1]", "api.example.com@evil.example"]
)  # fmt: skip


@pytest.mark.parametrize("auth", STATIC)
@given(
    scheme=st.sampled_from(["https", "http", "HTTPS"]),
    host=HOSTS,
    port=st.sampled_from(["", ":443", ":80", ":8443"]),
    path=st.sampled_from(["", "/", "/v1/things", "/@api.example.com", "/?next=https://api.example.com/v1"]),
)
def test_no_secret_goes_to_another_origin(auth: Auth, scheme: str, host: str, port: str, path: str) -> None:
    url = f"{scheme}://{host}{port}{path}"
    request = sent(auth, url)
    parts = urlsplit(url)
    ours = parts.scheme == "https" and parts.hostname == "api.example.com" and (parts.port or 443) == 443
    encoded = base64.b64encode(f"me:{KEY.reveal()}".encode()).decode()
    everything = f"{request.url} {request.headers.raw!r}"
    assert ("canary" in everything or encoded in everything) is ours


@pytest.mark.parametrize("auth", STATIC)
def test_the_mask_knows_every_secret(auth: Auth) -> None:
    run = settings(NoPaging(), auth=auth)
    endpoint = RestEndpoint(run)
    request = sent(auth, f"{BASE}/things")
    text = f"{request.url} {request.headers.raw!r}"
    assert "canary" not in run.mask(text).replace(base64.b64encode(f"me:{KEY.reveal()}".encode()).decode(), "canary")
    with pytest.raises(AuthError, match="CANARY") as caught:
        endpoint.check(answer({}, status=401))
    assert "canary-5f" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (HeaderKey, {"key": secret("")}),
        (HeaderKey, {"key": secret("canary\r\nX: y")}),
        (HeaderKey, {"key": secret("canary-é")}),
        (HeaderKey, {"key": KEY, "header": "Host"}),
        (Bearer, {"token": secret(" ")}),
        (Bearer, {"token": KEY, "scheme": ""}),
        (Basic, {"username": "a:b", "password": KEY}),
        (QueryKey, {"key": secret("")}),
        (QueryKey, {"key": KEY, "param": ""}),
    ],
)
def test_what_cannot_be_sent_is_refused_without_being_shown(kind: type[Any], values: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec) as caught:
        kind(**values)
    assert "canary" not in f"{caught.value}{caught.value.hint}"


def test_a_plugin_that_gives_no_auth_is_named() -> None:
    with pytest.raises(PluginError, match="`other`"):
        build(PluginAuth(name="other"), settings(NoPaging()), {"signed": Signing})
    with pytest.raises(PluginError, match="`odd`"):
        build(PluginAuth(name="odd"), settings(NoPaging()), {"odd": lambda *_: "text"})
    with pytest.raises(PluginError, match="`bad`"):
        build(PluginAuth(name="bad"), settings(NoPaging()), {"bad": lambda: None})


def test_the_endpoint_takes_what_plugins_offer() -> None:
    run = settings(NoPaging(), auth=PluginAuth(name="signed", options={"salt": 1}))
    assert isinstance(RestEndpoint(run, auths={"signed": Signing}).auth, Signing)
    other = msgspec.structs.replace(run)
    with pytest.raises(PluginError):
        RestEndpoint(other)
