"""Tokens that the API issues itself, and the places where it does."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

from datasync.simulator.limits import Clock
from datasync.simulator.zoo.ask import Ask, Refused, Reply
from datasync.simulator.zoo.guards import is_basic

Grant = Literal["client_credentials", "refresh_token", "session"]

_NO_STORE = {"Cache-Control": "no-store"}


class Issuer:
    """The tokens of one grant. Each ends with its life or after so many requests, whichever is sooner.

    Attributes:
        issued: How many there were.
    """

    def __init__(self, clock: Clock, seconds: int, requests: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._requests = requests
        self._left: dict[str, tuple[float, int]] = {}
        self.issued = 0

    def issue(self) -> str:
        """Give a new token; earlier ones stay good for their own life."""
        self.issued += 1
        token = secrets.token_hex(16)
        self._left[token] = (self._clock() + self._seconds, self._requests)
        return token

    def admits(self, token: str) -> bool:
        """Tell whether a token is good, and count the request."""
        ends, left = self._left.get(token, (0.0, 0))
        if left <= 0 or ends <= self._clock():
            return False
        self._left[token] = (ends, left - 1)
        return True


@dataclass(frozen=True)
class Issued:
    """A token of a grant; one that is unknown, too old or used up is 401."""

    grant: Grant
    header: str = "Authorization"
    prefix: str = "Bearer "

    def check(self, ask: Ask) -> None:
        """See Guard."""
        given = ask.request.headers.get(self.header)
        if given is None or not given.startswith(self.prefix):
            raise Refused(401, "unauthorized", "a token is wanted", {"WWW-Authenticate": "Bearer"})
        if not ask.zoo.issuers[self.grant].admits(given.removeprefix(self.prefix)):
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token", error_description="expired"'}
            raise Refused(401, "invalid_token", "the token has expired", challenge)


def oauth_token(ask: Ask) -> Reply:
    """Answer at the token endpoint (RFC 6749): the client names itself by HTTP Basic, refresh tokens rotate."""
    form = dict(parse_qsl(ask.body.decode("ascii", "replace")))
    if not is_basic(ask, "client_id", "client_secret"):
        return _oauth({"error": "invalid_client"}, 401, {"WWW-Authenticate": "Basic"})
    zoo, answer = ask.zoo, dict[str, Any]()
    match form.get("grant_type"):
        case "refresh_token":
            if form.get("refresh_token") != zoo.refresh_token:
                return _oauth({"error": "invalid_grant"}, 400)
            zoo.refresh_token = answer["refresh_token"] = secrets.token_hex(16)
            issuer = zoo.issuers["refresh_token"]
        case "client_credentials":
            issuer = zoo.issuers["client_credentials"]
        case _:
            return _oauth({"error": "unsupported_grant_type"}, 400)
    known = {"access_token": issuer.issue(), "token_type": "Bearer", "expires_in": zoo.options.token_seconds}
    return _oauth({**known, **answer})


def _oauth(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(body=msgspec.json.encode(body), status=status, headers={**_NO_STORE, **(headers or {})})


def login(ask: Ask) -> Reply:
    """Exchange a name and a password for a session's token."""
    ask.read_body()
    options = ask.zoo.options
    if ask.params != {name: options.credential(name.removesuffix("name")) for name in ("username", "password")}:
        raise Refused(401, "login_failed", "name or password is wrong")
    session = {"token": ask.zoo.issuers["session"].issue(), "expires_in": options.token_seconds}
    return Reply(body=msgspec.json.encode({"session": session}), headers=_NO_STORE)
