"""Credentials on requests."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import Final
from urllib.parse import quote, urlencode

import httpx

from datasync.config import Secret
from datasync.http.links import without_param
from datasync.http.origin import Origin


class OneSecretAuth(httpx.Auth, ABC):
    """Sends a secret as it is, to the configured origin only.

    Attributes:
        secret: its source is named when the API refuses it.
        origin: the one that gets it.
    """

    def __init__(self, secret: Secret, *, base_url: str) -> None:
        self.secret = secret
        self.origin = Origin.of(base_url)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See httpx.Auth."""
        self.sign(request)
        yield request

    def sign(self, request: httpx.Request) -> bool:
        """Add the secret, unless the request goes to another origin. Say whether it was added."""
        ours = Origin.of(request.url) == self.origin
        if ours:
            self._put(request)
        return ours

    @abstractmethod
    def _put(self, request: httpx.Request) -> None: ...


class ApiKeyAuth(OneSecretAuth):
    """Sends a key in a header, behind `prefix`."""

    def __init__(self, header: str, secret: Secret, *, base_url: str, prefix: str = "") -> None:
        super().__init__(secret, base_url=base_url)
        self._header = header
        self._prefix = prefix

    def _put(self, request: httpx.Request) -> None:
        request.headers[self._header] = self._prefix + self.secret.reveal()


class QueryKeyAuth(OneSecretAuth):
    """Sends a key as a parameter of the URL. No message of ours shows the query of a request.

    Attributes:
        param: its name.
    """

    def __init__(self, param: str, secret: Secret, *, base_url: str) -> None:
        super().__init__(secret, base_url=base_url)
        self.param: Final = param

    def _put(self, request: httpx.Request) -> None:
        url = without_param(request.url, self.param)
        key = urlencode({self.param: self.secret.reveal()}, quote_via=quote, safe="").encode()  # as the mask knows it
        request.url = url.copy_with(query=url.query + b"&" * bool(url.query) + key)
