"""`auth` of `[api]`: what is put on each request, to the API's origin only."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from datasync.config.invalid import InvalidSpec
from datasync.config.secret import Secret
from datasync.config.spec import valid


class _Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", kw_only=True): ...


class NoAuth(_Auth, frozen=True, tag="none"):
    """Nothing."""


class HeaderKey(_Auth, frozen=True, tag="header"):
    """A key in a header of its own.

    Attributes:
        header: its name.
        key: its value.
    """

    key: Secret
    header: str = "X-API-Key"

    def __post_init__(self) -> None:
        valid.header("header", self.header)
        valid.sendable("key", self.key)


class QueryKey(_Auth, frozen=True, tag="query"):
    """A key as a parameter of the URL. It never appears in a log line or an error.

    Attributes:
        param: its name.
        key: its value.
    """

    key: Secret
    param: str = "api_key"

    def __post_init__(self) -> None:
        valid.given("param", self.param)
        valid.secret("key", self.key)


class Bearer(_Auth, frozen=True, tag="bearer"):
    """`Authorization: Bearer ...` (RFC 6750).

    Attributes:
        token: what stands behind the `scheme`.
        scheme: for APIs that want another word, like `Token`.
    """

    token: Secret
    scheme: str = "Bearer"

    def __post_init__(self) -> None:
        valid.sendable("scheme", self.scheme)
        valid.sendable("token", self.token)


class Basic(_Auth, frozen=True, tag="basic"):
    """Name and password (RFC 7617)."""

    username: str
    password: Secret

    def __post_init__(self) -> None:
        if ":" in self.username:
            raise InvalidSpec("username", "has a colon", hint="HTTP Basic ends the name there (RFC 7617)")


class OAuth2(_Auth, frozen=True, tag="oauth2"):
    """A bearer token from a token endpoint (RFC 6749), renewed before it expires.

    Attributes:
        token_url: absolute, or a path from the API's origin.
        client_id, client_secret: of the client.
        refresh_token: given: the grant `refresh_token` (section 6); absent: `client_credentials` (section 4.4).
        scope: what to ask for; "" asks for nothing in particular.
        style: how the client names itself: `header` (HTTP Basic) or `body`.
    """

    token_url: str
    client_id: str
    client_secret: Secret
    refresh_token: Secret | None = None
    scope: str = ""
    style: Literal["header", "body"] = "header"

    def __post_init__(self) -> None:
        valid.given("token_url", self.token_url)
        valid.given("client_id", self.client_id)
        valid.secret("client_secret", self.client_secret)
        valid.secret("refresh_token", self.refresh_token)


class TokenExchange(_Auth, frozen=True, tag="token"):
    """A session token that a login gives, renewed before it expires and after it is refused.

    Attributes:
        url: absolute, or a path from the API's origin; asked with POST.
        body: JSON to send; its strings may be `${NAME}`.
        headers: to send, such as a key.
        token: path to the token in the answer.
        lifetime: path to the seconds it lives; "" where the answer doesn't say, then `lives` counts.
        lives: duration.
        header: that carries the token.
        prefix: before the token in that header, such as `Bearer `.
        refused_status: of an answer that means a new one is needed.
    """

    url: str
    token: str
    body: Mapping[str, Secret] = {}
    headers: Mapping[str, Secret] = {}
    lifetime: str = ""
    lives: float | str = "10m"
    header: str = "Authorization"
    prefix: str = "Bearer "
    refused_status: int = 401

    def __post_init__(self) -> None:
        valid.given("url", self.url)
        valid.given("token", self.token)
        valid.headers("headers", self.headers)
        valid.duration("lives", self.lives, positive=True)
        valid.header("header", self.header)
        valid.within("refused_status", self.refused_status, 400, 599)


class PluginAuth(_Auth, frozen=True, tag="plugin"):
    """What a plugin registered with `register_auth`, such as one that signs requests.

    Attributes:
        name: it is registered under.
        options: handed to it.
        secrets: handed to it.
    """

    name: str
    options: Mapping[str, str | int | float | bool] = {}
    secrets: Mapping[str, Secret] = {}

    def __post_init__(self) -> None:
        valid.given("name", self.name)


Auth: TypeAlias = NoAuth | HeaderKey | QueryKey | Bearer | Basic | OAuth2 | TokenExchange | PluginAuth
