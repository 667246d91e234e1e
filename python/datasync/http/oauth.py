"""Tokens of OAuth 2.0 (RFC 6749): for a client's own credentials, and for a refresh token."""

import base64
from collections.abc import Callable
from typing import Final
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec
import structlog

from datasync.config import Secret
from datasync.config.spec import OAuth2
from datasync.envelope import at
from datasync.errors import AuthError, ContractChanged
from datasync.http.access import MAX_BYTES, Access, AccessSpec, error_code, read_access
from datasync.http.grant import Post, asked_at, token_url
from datasync.http.origin import Origin
from datasync.http.transport import Answer

LIVES: Final = 3600.0
"""Seconds, where an answer doesn't say how long its token lives. One that ends sooner is refused, and replaced."""

_REFUSALS: Final = {
    "invalid_client": "check client_id and client_secret, and whether the server wants them with the other `style`",
    "invalid_grant": "the refresh token is spent, expired or withdrawn: get a new one",
    "unauthorized_client": "the client may not use this grant: look at its settings there",
    "unsupported_grant_type": "the server doesn't know this grant: is a refresh_token needed, or too much?",
    "invalid_scope": "check `scope`",
    "invalid_request": "does the server want the client's credentials with the other `style`?",
}
"""RFC 6749 section 5.2: the codes, and what to do about them."""


class OAuthGrant:
    """`client_credentials` (section 4.4), or `refresh_token` (section 6) where there is one.

    A refresh token that the server replaces is kept for the run, with one warning: it is not stored anywhere.
    """

    def __init__(self, wanted: OAuth2, *, base_url: str, learn: Callable[[Secret], None]) -> None:
        """Take `learn`, told each token at once so that no output shows it.

        Raises:
            ConfigError: the token's URL is none.
        """
        self._wanted = wanted
        self._learn = learn
        self._refresh = wanted.refresh_token
        self._warned = False
        self._origin = Origin.of(base_url)
        self.source = (wanted.refresh_token or wanted.client_secret).source
        self.spec = AccessSpec(
            url=token_url(base_url, wanted.token_url),
            token="access_token",  # noqa: S106  # a path
            lifetime="expires_in",
            header=None,
            lives=LIVES,
            prefix="Bearer ",
            code="error",
            hints=_REFUSALS,
        )

    def sign(self, request: httpx.Request) -> bool:
        """See Grant."""
        return Origin.of(request.url) == self._origin

    async def ask(self, post: Post) -> Access:
        """See Grant."""
        where = asked_at(self.spec)
        answer = await post(self.spec.url, self._headers(), None, urlencode(self._form()).encode())
        code = error_code(answer.body[:MAX_BYTES], "error")
        if answer.status == 400 and code in _REFUSALS:
            raise AuthError(f"{where}: 400 {code}, the server gave no token", hint=_REFUSALS[code])
        access = read_access(answer, self.spec, where=where, key_source=self.source, learn=self._learn)
        self._take(answer, where)
        return access

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if self._wanted.style == "header":
            # Section 2.3.1: both are encoded as in a form first.
            pair = f"{quote_plus(self._wanted.client_id)}:{quote_plus(self._wanted.client_secret.reveal())}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return headers

    def _form(self) -> dict[str, str]:
        form = {"grant_type": "client_credentials"}
        if self._refresh is not None:
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh.reveal()}
        if self._wanted.scope:
            form["scope"] = self._wanted.scope
        if self._wanted.style == "body":
            form |= {"client_id": self._wanted.client_id, "client_secret": self._wanted.client_secret.reveal()}
        return form

    def _take(self, answer: Answer, where: str) -> None:
        found = msgspec.json.decode(answer.body)
        kind = at(found, "token_type")
        if kind is not None and str(kind).lower() != "bearer":
            raise ContractChanged(f"{where}: the token is of another type than bearer, which is the only one sent")
        fresh = at(found, "refresh_token")
        if self._refresh is None or not isinstance(fresh, str) or fresh in ("", self._refresh.reveal()):
            return
        self._refresh = Secret(fresh, source=f"the answer to {where}")
        self._learn(self._refresh)
        if not self._warned:
            self._warned = True
            structlog.get_logger().warning(
                "the server replaced the refresh token; the new one is not stored",
                source=self.source,
                hint="if the old one is refused at the next run, ask the server for one that stays, or configure anew",
            )
