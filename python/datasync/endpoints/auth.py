"""From `auth` of `[api]` to what puts the credentials on requests."""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import msgspec

from datasync.config import Secret, Settings
from datasync.config.schema import MIN_MASKED
from datasync.config.spec import Auth, Basic, Bearer, HeaderKey, NoAuth, OAuth2, PluginAuth, QueryKey, TokenExchange
from datasync.errors import PluginError
from datasync.http.auth import ApiKeyAuth, QueryKeyAuth
from datasync.http.login import LoginGrant
from datasync.http.oauth import OAuthGrant
from datasync.http.token import TokenAuth
from datasync.plugins import blamed, resolve


class Credentials(msgspec.Struct, frozen=True):
    """What is put on requests.

    Attributes:
        source: where it is configured, for hints.
        param: of the query, that carries a key; what an API repeats of it in its links must not be kept.
    """

    auth: httpx.Auth
    source: str
    param: str | None = None


def build(wanted: Auth, settings: Settings, auths: Mapping[str, Callable[..., Any]]) -> Credentials:
    """Give the credentials for the API of `settings`, which they go to alone. Its mask learns all secrets.

    Args:
        wanted: what is configured.
        settings: of the run.
        auths: offered by plugins, by name: `factory(wanted, settings)` gives an httpx.Auth.

    Raises:
        ConfigError: the URL that gives tokens is none, or their life is none.
        PluginError: nobody offers it, or what is offered gives something else.
    """
    secrets = [secret for secret in _secrets(wanted) if len(secret.reveal()) >= MIN_MASKED]
    settings.mask.add(secrets)
    base_url, learn = settings.api_base_url, settings.mask.learn
    match wanted:
        case OAuth2():
            oauth = OAuthGrant(wanted, base_url=base_url, learn=learn)
            return Credentials(TokenAuth(oauth), oauth.source)
        case TokenExchange():
            login = LoginGrant(wanted, base_url=base_url, learn=learn)
            return Credentials(TokenAuth(login), login.source)
        case PluginAuth():
            return _plugin(wanted, settings, auths)
        case Basic():
            return _basic(wanted, settings)
        case _:
            return _fixed(wanted, base_url)


def _fixed(wanted: NoAuth | HeaderKey | QueryKey | Bearer, base_url: str) -> Credentials:
    match wanted:
        case NoAuth():
            return Credentials(httpx.Auth(), "[api] auth, which names none")
        case HeaderKey():
            return _header(wanted.header, wanted.key, base_url)
        case Bearer():
            return _header("Authorization", wanted.token, base_url, f"{wanted.scheme} ")
        case QueryKey():
            auth = QueryKeyAuth(wanted.param, wanted.key, base_url=base_url)
            return Credentials(auth, wanted.key.source, wanted.param)


def _basic(wanted: Basic, settings: Settings) -> Credentials:
    pair = f"{wanted.username}:{wanted.password.reveal()}".encode()
    secret = Secret(base64.b64encode(pair).decode(), source=wanted.password.source)
    settings.mask.add([secret])
    return _header("Authorization", secret, settings.api_base_url, "Basic ")


def _header(name: str, secret: Secret, base_url: str, prefix: str = "") -> Credentials:
    return Credentials(ApiKeyAuth(name, secret, base_url=base_url, prefix=prefix), secret.source)


def _plugin(wanted: PluginAuth, settings: Settings, auths: Mapping[str, Callable[..., Any]]) -> Credentials:
    with blamed(f"the auth `{wanted.name}`"):
        auth = resolve("auth", wanted.name, auths)(wanted, settings)
    if not isinstance(auth, httpx.Auth):
        raise PluginError(f"the auth `{wanted.name}` gave a {type(auth).__name__} instead of an httpx.Auth")
    sources = ", ".join(dict.fromkeys(secret.source for secret in wanted.secrets.values()))
    return Credentials(auth, sources or f"the auth `{wanted.name}`")


def _secrets(wanted: Auth) -> Iterator[Secret]:
    for value in msgspec.structs.asdict(wanted).values():
        for part in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(part, Secret):
                yield part
