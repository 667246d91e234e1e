"""How a token is got: what `TokenAuth` asks of each way."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import httpx
import structlog

from datasync.config import Secret
from datasync.errors import ConfigError
from datasync.http.access import Access, AccessSpec, read_access
from datasync.http.auth import ApiKeyAuth
from datasync.http.origin import Origin
from datasync.http.transport import Answer


class Post(Protocol):
    """Sends a POST request and gives the complete answer; raises what `Transport.get` raises."""

    def __call__(
        self, url: str, headers: Mapping[str, str], auth: httpx.Auth | None, content: bytes | None = None
    ) -> Awaitable[Answer]:
        """Send it; without `content` it has no body."""


class Grant(Protocol):
    """A way to a token, and who may have it."""

    @property
    def spec(self) -> AccessSpec:
        """What the answers look like."""
        ...

    @property
    def source(self) -> str:
        """Where the credentials that buy the token are configured, for hints."""
        ...

    def sign(self, request: httpx.Request) -> bool:
        """Add what goes with the token, unless the request goes to another origin. Say whether the token may go."""
        ...

    async def ask(self, post: Post) -> Access:
        """Ask for a token. For what it raises see `TokenAuth`."""
        ...


class KeyGrant:
    """The API key buys a token at an access endpoint; key and token go together."""

    def __init__(self, key: ApiKeyAuth, spec: AccessSpec, *, learn: Callable[[Secret], None]) -> None:
        """Take `learn`, told each token at once so that no output shows it.

        Raises:
            ConfigError: the access endpoint is not on the origin that may have the key.
        """
        if Origin.of(spec.url) != key.origin:
            raise ConfigError(f"tokens come from {Origin.of(spec.url)}, but the key is for {key.origin} only")
        self._key = key
        self._learn = learn
        self.spec = spec
        self.source = key.secret.source

    def sign(self, request: httpx.Request) -> bool:
        """See Grant."""
        return self._key.sign(request)

    async def ask(self, post: Post) -> Access:
        """See Grant."""
        headers = {name: value.reveal() for name, value in self.spec.headers.items()}
        answer = await post(self.spec.url, headers, self._key)
        return read_access(answer, self.spec, where=asked_at(self.spec), key_source=self.source, learn=self._learn)


def asked_at(spec: AccessSpec) -> str:
    """Name the request for a token in messages."""
    return f"POST {httpx.URL(spec.url).path}"


def token_url(base_url: str, url: str) -> str:
    """Give the absolute URL of a token endpoint, which may be on another origin than the API: it was configured.

    Raises:
        ConfigError: it is none.
    """
    try:
        found = httpx.URL(url) if "://" in url else httpx.URL(base_url).join("/" + url.lstrip("/"))
        origin = Origin.of(found)
    except (httpx.InvalidURL, ValueError):
        origin = Origin("", "", None)
    if origin.scheme not in ("http", "https") or not origin.host or found.userinfo or found.fragment:
        raise ConfigError(
            "the URL that gives tokens is none",
            hint="it is absolute, like https://login.example.com/oauth/token, or a path from the API's origin",
        )
    if origin.exposed:
        structlog.get_logger().warning(
            "credentials travel unencrypted", to=str(origin), hint="use an https:// address for tokens, if there is one"
        )
    return str(found)
