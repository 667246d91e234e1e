"""The credentials of a configuration for a plain httpx client."""

from collections.abc import Callable, Generator

import httpx

from datasync.config.spec import (
    Auth,
    Basic,
    Bearer,
    HeaderKey,
    NoAuth,
    OAuth2,
    PluginAuth,
    QueryKey,
    TokenExchange,
)
from tests.zoo.signing import Signature


class Issued(httpx.Auth):
    """A token in a header, asked for at first and whenever it is refused."""

    requires_response_body = True

    def __init__(self, ask: Callable[[], httpx.Request], path: str, header: str, prefix: str) -> None:
        self._ask = ask
        self._path = path
        self._header = header
        self._prefix = prefix
        self._token: str | None = None
        self.refresh_token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        while True:
            fresh = self._token is None
            if fresh:
                told = (yield self._ask()).raise_for_status().json()
                self.refresh_token = told.get("refresh_token")
                for name in self._path.split("."):
                    told = told[name]
                self._token = str(told)
            request.headers[self._header] = f"{self._prefix}{self._token}"
            answer = yield request
            if answer.status_code != 401 or fresh:
                return
            self._token = None


class Static(httpx.Auth):
    """Headers and parameters that are the same on each request."""

    def __init__(self, headers: dict[str, str], params: dict[str, str]) -> None:
        self._headers = headers
        self._params = params

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._headers)
        if self._params:
            request.url = request.url.copy_merge_params(self._params)
        yield request


def credentials(auth: Auth, origin: str) -> httpx.Auth:
    """What puts the credentials on requests."""
    match auth:
        case OAuth2():
            return _oauth(auth, origin)
        case TokenExchange():
            body = {name: value.reveal() for name, value in auth.body.items()}
            url = f"{origin}{auth.url}"
            return Issued(lambda: httpx.Request("POST", url, json=body), auth.token, auth.header, auth.prefix)
        case PluginAuth(options=options, secrets=secrets):
            return Signature(str(options["key_id"]), secrets["key"].reveal())
        case Basic(username=username, password=password):
            return httpx.BasicAuth(username, password.reveal())
        case _:
            return Static(*_static(auth))


def _static(auth: NoAuth | HeaderKey | QueryKey | Bearer) -> tuple[dict[str, str], dict[str, str]]:
    match auth:
        case HeaderKey(header=header, key=key):
            return {header: key.reveal()}, {}
        case QueryKey(param=param, key=key):
            return {}, {param: key.reveal()}
        case Bearer(token=token, scheme=scheme):
            return {"Authorization": f"{scheme} {token.reveal()}"}, {}
        case _:
            return {}, {}


def _oauth(auth: OAuth2, origin: str) -> httpx.Auth:
    def ask() -> httpx.Request:
        form = {"grant_type": "client_credentials"}
        if auth.refresh_token:
            newest = issued.refresh_token or auth.refresh_token.reveal()
            form = {"grant_type": "refresh_token", "refresh_token": newest}
        request = httpx.Request("POST", f"{origin}{auth.token_url}", data=form)
        return next(httpx.BasicAuth(auth.client_id, auth.client_secret.reveal()).auth_flow(request))

    issued = Issued(ask, "access_token", "Authorization", "Bearer ")
    return issued
