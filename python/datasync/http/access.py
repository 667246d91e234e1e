"""The answer of an access endpoint: a token, the header that carries it, how long it lives and where it is good."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from datasync.config import Secret
from datasync.config.headers import MAX_VALUE, usable_name, usable_value
from datasync.envelope import at
from datasync.errors import (
    AuthError,
    ContractChanged,
    PageDamaged,
    ProxyRefused,
    RetriableSourceError,
    ServerError,
)
from datasync.http.classify import PROXY_HINT, Kind, of_status
from datasync.http.origin import refuse_redirect, same_origin
from datasync.http.transport import Answer

MAX_BYTES: Final = 64 * 1024
"""Of an answer with a token in it, or of one that refuses a token."""

MIN_TOKEN: Final = 8
"""Characters. A shorter one is guessed, and to mask it would spoil the log."""

MAX_DIGITS: Final = 12
"""Of a lifetime that is quoted."""

MIN_LIFETIME: Final = 1.0
MAX_LIFETIME: Final = 366 * 86_400.0
"""Seconds. A token that lives shorter is spent before it is used; a number above is of another unit."""


class AccessSpec(msgspec.Struct, frozen=True):
    """How a token is asked for, what the answer looks like, and how the API says that it no longer takes one.

    Paths into the JSON answer are as in `model.Column`.

    Attributes:
        url: to POST to, absolute.
        headers: for the request, besides the API key.
        headers_source: where `headers` are configured, for hints.
        token, lifetime, header: paths of the token, of its life in seconds, and of the name of the header for it.
        lives: seconds, where the answer doesn't say; None: it must, and with a number.
        sends: name of the header for the token, where `header` is None.
        prefix: before the token in that header.
        endpoint: path of the link under which the token is good, or None if the answer doesn't say.
        code: path of the code in an answer that is an error.
        refused_status, refused_code: of an answer that refuses a token.
        hints: what to do, by the code of an error.
    """

    url: str
    token: str
    lifetime: str | None
    header: str | None
    lives: float | None = None
    sends: str = "Authorization"
    prefix: str = ""
    endpoint: str | None = None
    headers: Mapping[str, Secret] = {}
    headers_source: str = ""
    code: str = "code"
    refused_status: int = 401
    refused_code: str | None = None
    hints: Mapping[str, str] = {}


class Access(msgspec.Struct, frozen=True):
    """A token and its use.

    Attributes:
        lifetime: seconds from the request for it.
        url: where it is good; None is anywhere on the API's origin.
        prefix: before the token in the header.
    """

    token: Secret
    header: str
    lifetime: float
    url: str | None
    prefix: str = ""


def read_access(
    answer: Answer, spec: AccessSpec, *, where: str, key_source: str, learn: Callable[[Secret], None]
) -> Access:
    """Give what an access endpoint answered.

    `learn` is told the token before anything else is looked at. No error shows a value of the answer.

    Raises:
        AuthError: the request was refused: 401 or 403.
        ProxyRefused: 407.
        ContractChanged: the answer is none that can be used; a sample shows its shape and no value.
        RetriableSourceError: 429, what may pass of 5xx, or an answer that isn't JSON.
    """
    if answer.status not in (200, 201):
        _refuse(answer, spec, where=where, key_source=key_source)
    found = _decode(answer, where=where)

    def unusable(what: str) -> ContractChanged:
        return ContractChanged(f"{where}: the answer has no usable {what}: {shape(found)[:500]}")

    text = at(found, spec.token)
    if not isinstance(text, str) or len(text) < MIN_TOKEN or not usable_value(text):
        raise unusable(f"token at `{spec.token}` (visible ASCII, {MIN_TOKEN} to {MAX_VALUE:,} characters)")
    token = Secret(text, source=f"the answer to {where}")
    learn(token)
    header = spec.sends if spec.header is None else at(found, spec.header)
    if not isinstance(header, str) or not usable_name(header):
        raise unusable(f"header name at `{spec.header}`")
    lifetime = _lifetime(found, spec)
    if lifetime is None:
        raise unusable(f"lifetime at `{spec.lifetime}` ({MIN_LIFETIME:g} s to {MAX_LIFETIME:,.0f} s)")
    link = None if spec.endpoint is None else at(found, spec.endpoint)
    if spec.endpoint is None:
        return Access(token, header, lifetime, None, spec.prefix)
    if not isinstance(link, str) or "?" in link:
        raise unusable(f"path at `{spec.endpoint}`")
    return Access(token, header, lifetime, same_origin(spec.url, link), spec.prefix)


def _lifetime(found: object, spec: AccessSpec) -> float | None:
    said = None if spec.lifetime is None else at(found, spec.lifetime)
    if spec.lives is not None:
        if said is None:
            return spec.lives
        if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < MAX_DIGITS:
            said = int(said)  # some servers of OAuth quote it
    if isinstance(said, bool) or not isinstance(said, int | float) or not MIN_LIFETIME <= said <= MAX_LIFETIME:
        return None
    return float(said)


def error_code(body: bytes, path: str) -> str | None:
    """Give the code at `path` of a JSON error body: a short word, or None."""
    try:
        code = at(msgspec.json.decode(body), path)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    # Short and plain: it goes into messages.
    plain = isinstance(code, str) and len(code) <= 40 and code.isascii() and code.replace("_", "").isalnum()
    return code if plain else None


def shape(value: Any, depth: int = 3) -> str:
    """Give the shape of JSON without a value in it: a sample that can't hold a secret."""
    if isinstance(value, dict):
        if depth == 0:
            return "{..}"
        members = [f"{_name(key)}: {shape(member, depth - 1)}" for key, member in list(value.items())[:20]]
        return "{" + ", ".join(members + [".."] * (len(value) > 20)) + "}"
    if isinstance(value, list):
        return f"[{len(value)} elements]"
    if isinstance(value, str):
        return f"text of {len(value):,} characters"
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "boolean"
    return "number"


def _refuse(answer: Answer, spec: AccessSpec, *, where: str, key_source: str) -> None:
    refuse_redirect(answer, where=where)
    code = error_code(answer.body[:MAX_BYTES], spec.code)
    said = f"{where}: {answer.status}{f' {code}' if code else ''}"
    kind = of_status(answer.status)
    if kind is Kind.CREDENTIALS:
        extra = f" and the headers in {spec.headers_source}" if spec.headers_source else ""
        raise AuthError(f"{said}, the API gave no token", hint=spec.hints.get(code or "", f"check {key_source}{extra}"))
    if kind is Kind.RETRY:
        raise ServerError(said)
    if kind is Kind.LIMIT:
        # Not RateLimited: the budget of the pages is another one.
        raise RetriableSourceError(f"{said}, too many requests for a token")
    if answer.status == 407:
        raise ProxyRefused(f"{where}: the proxy answered 407", hint=PROXY_HINT)
    raise ContractChanged(f"{said}, unexpected", hint=spec.hints.get(code or ""))


def _decode(answer: Answer, *, where: str) -> object:
    if len(answer.body) > MAX_BYTES:
        raise ContractChanged(f"{where}: the answer is larger than {MAX_BYTES:,} bytes")
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        kind = answer.headers.get("content-type", "no type")[:60]
        # No part of it is shown, and the cause may quote one.
        raise PageDamaged(f"{where}: the answer is not JSON ({kind}, {len(answer.body):,} bytes)") from None


def _name(key: str) -> str:
    # Somebody might use a secret as a key; a name has no digits and is short.
    return key if len(key) <= 30 and key.isascii() and key.replace("_", "").replace("-", "").isalpha() else "?"
