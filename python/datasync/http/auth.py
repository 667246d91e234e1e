"""Credentials on requests."""

from collections.abc import Generator

import httpx

from datasync.config import Secret
from datasync.http.origin import Origin


class ApiKeyAuth(httpx.Auth):
    """Sends a key in a header, to the configured origin only.

    Attributes:
        secret: the key; its source is named when the API refuses it.
        origin: the one that gets it.
    """

    def __init__(self, header: str, secret: Secret, *, base_url: str) -> None:
        self._header = header
        self.secret = secret
        self.origin = Origin.of(base_url)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See httpx.Auth."""
        self.sign(request)
        yield request

    def sign(self, request: httpx.Request) -> bool:
        """Add the header, unless the request goes to another origin. Say whether it was added."""
        ours = Origin.of(request.url) == self.origin
        if ours:
            request.headers[self._header] = self.secret.reveal()
        return ours
