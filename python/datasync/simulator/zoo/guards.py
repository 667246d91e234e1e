"""Credentials that stay the same: keys, tokens, names with passwords, signatures. Absent is 401; wrong is as said."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from datasync.simulator.zoo.ask import Ask, Refused

_SKEW_SECONDS = 300


@dataclass(frozen=True)
class HeaderKey:
    """A key in a header; a wrong one is 403."""

    header: str = "X-API-Key"

    def check(self, ask: Ask) -> None:
        """See Guard."""
        _key(ask, ask.request.headers.get(self.header), f"the header {self.header}")


@dataclass(frozen=True)
class QueryKey:
    """A key in the query; a wrong one is 403."""

    param: str = "api_key"

    def check(self, ask: Ask) -> None:
        """See Guard."""
        _key(ask, ask.request.query_params.get(self.param), f"the parameter {self.param}")


def _key(ask: Ask, given: str | None, where: str) -> None:
    if given is None:
        raise Refused(401, "key_missing", f"a key is wanted in {where}")
    if given != ask.zoo.options.credential("key"):
        raise Refused(403, "key_unknown", "this key may not read items")


def after_scheme(ask: Ask, scheme: str) -> str | None:
    """Give what stands behind the scheme in the Authorization header, None where that has another scheme."""
    word, _, value = ask.request.headers.get("authorization", "").partition(" ")
    return value.strip() if word.lower() == scheme.lower() else None


@dataclass(frozen=True)
class Bearer:
    """A token that was made by hand; a wrong one is 401."""

    scheme: str = "Bearer"

    def check(self, ask: Ask) -> None:
        """See Guard."""
        given = after_scheme(ask, self.scheme)
        if given is None:
            raise Refused(401, "unauthorized", "a token is wanted", {"WWW-Authenticate": self.scheme})
        if given != ask.zoo.options.credential("token"):
            challenge = f'{self.scheme} error="invalid_token"'
            raise Refused(401, "invalid_token", "the token is unknown", {"WWW-Authenticate": challenge})


def is_basic(ask: Ask, user: str, password: str) -> bool:
    """Tell whether a request brings a name and its password by HTTP Basic; they are names of credentials."""
    options = ask.zoo.options
    pair = f"{options.credential(user)}:{options.credential(password)}"
    return after_scheme(ask, "Basic") == base64.b64encode(pair.encode()).decode()


@dataclass(frozen=True)
class Basic:
    """Name and password; wrong ones are 401."""

    def check(self, ask: Ask) -> None:
        """See Guard."""
        if not is_basic(ask, "user", "password"):
            raise Refused(401, "unauthorized", "log in", {"WWW-Authenticate": 'Basic realm="zoo", charset="UTF-8"'})


def sign(key: str, method: str, path: str, query: str, date: str) -> str:
    """Give the signature of a request: base64 of HMAC-SHA256 over its four lines, path and query as they are sent."""
    text = f"{method}\n{path}\n{query}\n{date}"
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


def signing_date(moment: datetime) -> str:
    """Write a moment as the header X-Date wants it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


@dataclass(frozen=True)
class Signed:
    """`X-Signature` over method, path, query and `X-Date`, and `X-Key-Id`; a wrong or old one is 403."""

    def check(self, ask: Ask) -> None:
        """See Guard."""
        headers, options = ask.request.headers, ask.zoo.options
        if "x-signature" not in headers or "x-date" not in headers:
            raise Refused(401, "signature_missing", "sign the request")
        try:
            age = ask.zoo.clock() - parsedate_to_datetime(headers["x-date"]).timestamp()
        except ValueError as error:
            raise Refused(400, "date_invalid", "X-Date is no HTTP date") from error
        if abs(age) > _SKEW_SECONDS:
            raise Refused(403, "request_expired", "the request was signed at another time")
        scope = ask.request.scope
        path, query = scope["raw_path"].decode("ascii").partition("?")[0], scope["query_string"].decode("ascii")
        wanted = sign(options.credential("signing_key"), ask.request.method, path, query, headers["x-date"])
        known = headers.get("x-key-id") == options.credential("client_id")
        if not known or not hmac.compare_digest(wanted, headers["x-signature"]):
            raise Refused(403, "signature_mismatch", "the signature is not of this request")
