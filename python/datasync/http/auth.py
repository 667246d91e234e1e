"""Credentials on requests."""

from collections.abc import Generator

import httpx

from datasync.config import Secret


class ApiKeyAuth(httpx.Auth):
    """Sends a key in a header, to the configured origin only.

    Attributes:
        secret: the key; its source is named when the API refuses it.
    """

    def __init__(self, header: str, secret: Secret, *, base_url: str) -> None:
        self._header = header
        self.secret = secret
        self._origin = _origin(httpx.URL(base_url))

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header, unless the request goes to another origin."""
        if _origin(request.url) == self._origin:
            request.headers[self._header] = self.secret.reveal()
        yield request


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
