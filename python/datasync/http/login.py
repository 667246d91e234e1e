"""Session tokens that a login gives."""

from collections.abc import Callable

import httpx
import msgspec

from datasync.config import Secret
from datasync.config.duration import seconds
from datasync.config.spec import TokenExchange
from datasync.errors import ConfigError
from datasync.http.access import MAX_LIFETIME, MIN_LIFETIME, Access, AccessSpec, read_access
from datasync.http.grant import Post, asked_at, token_url
from datasync.http.origin import Origin


class LoginGrant:
    """`POST` of a JSON body; the answer holds a token."""

    def __init__(self, wanted: TokenExchange, *, base_url: str, learn: Callable[[Secret], None]) -> None:
        """Take `learn`, told each token at once so that no output shows it.

        Raises:
            ConfigError: the URL is none, or no token lives as long as `lives` says.
        """
        self._learn = learn
        self._origin = Origin.of(base_url)
        self._body = msgspec.json.encode({name: value.reveal() for name, value in wanted.body.items()})
        secrets = [*wanted.body.values(), *wanted.headers.values()]
        self.source = ", ".join(dict.fromkeys(secret.source for secret in secrets)) or "[api] auth"
        lives = seconds(wanted.lives)
        if not MIN_LIFETIME <= lives <= MAX_LIFETIME:
            raise ConfigError(f"`lives` of the token is not from {MIN_LIFETIME:g} s to a year: `{wanted.lives}`")
        self.spec = AccessSpec(
            url=token_url(base_url, wanted.url),
            token=wanted.token.removeprefix("$."),
            lifetime=wanted.lifetime.removeprefix("$.") or None,
            header=None,
            lives=lives,
            sends=wanted.header,
            prefix=wanted.prefix,
            headers=wanted.headers,
            refused_status=wanted.refused_status,
        )

    def sign(self, request: httpx.Request) -> bool:
        """See Grant."""
        return Origin.of(request.url) == self._origin

    async def ask(self, post: Post) -> Access:
        """See Grant."""
        headers = {name: value.reveal() for name, value in self.spec.headers.items()}
        answer = await post(self.spec.url, {"content-type": "application/json", **headers}, None, self._body)
        return read_access(answer, self.spec, where=asked_at(self.spec), key_source=self.source, learn=self._learn)
