"""What a zoo is like, and the credentials that its species want."""

from __future__ import annotations

import hashlib
import time

import msgspec

_HOUR_MS = 3_600_000

_VARIABLES = {
    "ZOO_KEY": "key",
    "ZOO_TOKEN": "token",
    "ZOO_USER": "user",
    "ZOO_PASSWORD": "password",
    "ZOO_CLIENT_ID": "client_id",
    "ZOO_CLIENT_SECRET": "client_secret",
    "ZOO_REFRESH_TOKEN": "refresh_token",
    "ZOO_SIGNING_KEY": "signing_key",
}


def _last_hour() -> int:
    return (int(time.time() * 1_000) // _HOUR_MS - 1) * _HOUR_MS


class ZooOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be switched.

    Attributes:
        host: Address to listen on; loopback unless told.
        port: TCP port, 0 takes a free one.
        seed: Decides the credentials.
        count: Number of items. Whole pages of 40 and a short page of 50 with the default, which species rely on.
        newest_ms: When the newest item was made, in epoch ms; the beginning of the last whole hour if absent, as an
            API that is read by windows of time is read until now.
        token_seconds: Life of an issued token.
        token_requests: So many requests an issued token is good for, whatever was said of its life.
        rate_limit: Requests an hour that `link` answers.
        exit_with_stdin: End when standard input closes, which ties the process's life to its owner's.
        ready_file: Path of a file to write the URL into once requests are answered.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    count: int = 240
    newest_ms: int = msgspec.field(default_factory=_last_hour)
    token_seconds: int = 60
    token_requests: int = 3
    rate_limit: int = 5_000
    exit_with_stdin: bool = False
    ready_file: str | None = None

    def credential(self, name: str) -> str:
        """Give a credential: `key`, `token`, `user`, `password` and so on."""
        return hashlib.sha256(f"zoo/{self.seed}/{name}".encode()).hexdigest()[:32]

    def environment(self, url: str) -> dict[str, str]:
        """Give the variables that a configuration for the zoo at `url` refers to."""
        return {
            "ZOO": url,
            "ZOO_START": time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(self.oldest_ms / 1_000)),
            **{variable: self.credential(name) for variable, name in _VARIABLES.items()},
        }

    @property
    def oldest_ms(self) -> int:
        """When the oldest item was made, in epoch ms."""
        return self.newest_ms - max(0, self.count - 1) * SPACING_MS


#: Between two items: 67 minutes, so that a day holds a page of them and no two days the same.
SPACING_MS = 67 * 60_000
