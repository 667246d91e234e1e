"""What the JSON body of an answer says about an error, in the places where APIs put it."""

from collections.abc import Iterator
from typing import Any

import msgspec

MAX_BODY = 64 * 1024
"""Bytes; an error's body is smaller. Larger ones aren't parsed."""

MAX_ERRORS = 8
"""Errors of a list that are looked at."""

MAX_DEPTH = 4
"""Objects in objects that are looked at: Google's violations are in details in an error in the document."""

_CODES = ("code", "error", "errorCode", "errorType", "type", "status", "reason", "policyName", "quotaId", "__type")
_MESSAGES = ("message", "detail", "title", "error", "errorSummary", "description")


def decode(body: bytes) -> Any:
    """Parse a body, or give None if it is no JSON, or too large for an error."""
    if not body or len(body) > MAX_BODY:
        return None
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def at(document: Any, *path: str) -> Any:
    """Give what is under these keys, or None."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def codes(document: Any) -> list[str]:
    """Collect the codes of the errors, in lower case and without punctuation: `REQUEST_LIMIT_EXCEEDED` too.

    Of a URI only the end counts, as RFC 9457's problem types are.
    """
    found = (error.get(key) for error in errors(document) for key in _CODES)
    return [_fold(code) for code in found if isinstance(code, str | int)]


def messages(document: Any) -> str:
    """Join what the errors say to people, in lower case."""
    found = (error.get(key) for error in errors(document) for key in _MESSAGES)
    return "\n".join(text for text in found if isinstance(text, str)).lower()


def errors(document: Any) -> Iterator[dict[str, Any]]:
    """Find the objects that describe an error: the document itself, `error`, `errors`, and what these hold in turn."""
    level = _objects(document)
    for _ in range(MAX_DEPTH):
        yield from level
        level = [
            inner
            for outer in level
            for key in ("error", "errors", "extensions", "details", "violations")
            for inner in _objects(outer.get(key))
        ][:MAX_ERRORS]


def _objects(value: Any) -> list[dict[str, Any]]:
    listed = value[:MAX_ERRORS] if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, dict)]


def _fold(code: str | int) -> str:
    end = str(code).rpartition("#")[2].rpartition("/")[2]
    return "".join(filter(str.isalnum, end)).lower()
