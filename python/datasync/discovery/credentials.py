"""Credentials as they are given on the command line: names of variables, of which only the names are written down."""

import os
from collections.abc import Generator, Mapping, Sequence

import httpx
import msgspec

from datasync.config import Secret
from datasync.config.headers import usable_name, usable_value
from datasync.config.spec import Auth, Bearer, HeaderKey, NoAuth, QueryKey
from datasync.errors import ConfigError
from datasync.http.origin import Origin


class Given(msgspec.Struct, frozen=True):
    """What goes on each request.

    Attributes:
        headers, params: by name.
        bearer: a token for `Authorization`.
    """

    headers: Mapping[str, Secret] = {}
    params: Mapping[str, Secret] = {}
    bearer: Secret | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All values."""
        bearer = () if self.bearer is None else (self.bearer,)
        return (*self.headers.values(), *self.params.values(), *bearer)

    @property
    def source(self) -> str:
        """Where they come from, for messages."""
        return ", ".join(secret.source for secret in self.secrets) or "no variable"

    def auth(self) -> Auth:
        """The same for `[api]`: the first that is given."""
        if self.bearer is not None:
            return Bearer(token=self.bearer)
        for name, secret in self.headers.items():
            return HeaderKey(key=secret, header=name)
        for name, secret in self.params.items():
            return QueryKey(key=secret, param=name)
        return NoAuth()

    def more_headers(self) -> Mapping[str, str]:
        """Headers besides what `auth` says, with `${NAME}`."""
        first = 0 if self.bearer is not None else 1
        return {name: f"${{{secret.source}}}" for name, secret in list(self.headers.items())[first:]}


class GivenAuth(httpx.Auth):
    """Puts them on requests to one origin only."""

    def __init__(self, given: Given, *, base_url: str) -> None:
        self._given = given
        self._origin = Origin.of(base_url)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See httpx.Auth."""
        if Origin.of(request.url) == self._origin:
            for name, secret in self._given.headers.items():
                request.headers[name] = secret.reveal()
            if self._given.bearer is not None:
                request.headers["authorization"] = f"Bearer {self._given.bearer.reveal()}"
            for name, secret in self._given.params.items():
                request.url = request.url.copy_set_param(name, secret.reveal())
        yield request


def given(
    headers: Sequence[str],
    params: Sequence[str],
    bearer: str | None,
    environ: Mapping[str, str] = os.environ,
) -> Given:
    """Read `NAME:VARIABLE` pairs and the name of a variable.

    Raises:
        ConfigError: one is malformed, or its variable isn't set.
    """
    if len(params) > 1 or (params and (headers or bearer)):
        raise ConfigError("a key goes into a header or into one parameter", hint="leave out all but one of --query")
    pairs = [_pair(text, "--header", environ) for text in headers]
    for name, _ in pairs:
        if not usable_name(name):
            raise ConfigError(f"--header: `{name}` is no name for a header", hint="--header X-API-Key:API_KEY")
    token = None if bearer is None else _variable(bearer, "--bearer-env", environ)
    return Given(dict(pairs), dict(_pair(text, "--query", environ) for text in params), token)


def _pair(text: str, option: str, environ: Mapping[str, str]) -> tuple[str, Secret]:
    name, colon, variable = text.partition(":")
    if not (colon and name.strip() and variable.strip()):
        # What stands there may be the key itself.
        raise ConfigError(
            f"{option} takes the name of a header or parameter and that of a variable, with a colon between",
            hint=f"{option} X-API-Key:API_KEY sends what the variable API_KEY holds; never the value itself",
        )
    return name.strip(), _variable(variable.strip(), option, environ)


def _variable(name: str, option: str, environ: Mapping[str, str]) -> Secret:
    if not name.replace("_", "a").isalnum() or name[0].isdigit():
        raise ConfigError(f"{option} takes the name of a variable, not a value", hint=f"{option} X-API-Key:API_KEY")
    value = environ.get(name, "").strip()
    if not value:
        # A name that is no variable's may be the key itself.
        named = f"the variable {name} is empty" if name in environ else "the variable that is named there is not set"
        raise ConfigError(
            f"{option}: {named}", hint="set it in the environment or in .env; never give the value itself"
        )
    if not usable_value(value):
        raise ConfigError(f"{option}: what {name} holds can't be sent in a header", hint="look for a line break in it")
    return Secret(value, source=name)
