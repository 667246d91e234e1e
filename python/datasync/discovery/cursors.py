"""How long a cursor lives: what it says itself, what stands beside it, or what a wait shows."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from datasync.discovery.document import Document, envelope, title
from datasync.discovery.findings import CursorFound
from datasync.discovery.leads import Ask
from datasync.discovery.prober import Prober
from datasync.endpoints.paging.words import plain
from datasync.http.access import error_code
from datasync.http.transport import Answer
from datasync.jsonpaths import path

_LIVES: Final = re.compile(r"cursor(expiresin|ttl|lifetime|maxage|lives)$|^(expiresin|cursorttl)$")
_ENDS: Final = re.compile(r"cursor(expires|expiresat|expiry|expiration)$")
INSIDE: Final = ("exp", "expires", "expires_at", "expiresAt", "expiry")
"""Members of a cursor that say when it ends."""

MOST: Final = 366 * 86_400.0


def declared(answer: Answer, document: Document, cursor: str | int | None) -> CursorFound | None:
    """Read what an answer says of the life of the cursor in it."""
    now = answer.received_us / 1e6
    for keys, value in envelope(document):
        name = plain(keys[-1])
        if _LIVES.search(name) and (seconds := _number(value)) is not None:
            return CursorFound(seconds, f"`{path(keys)}` says so")
        if _ENDS.search(name) and (seconds := _until(value, now)) is not None:
            return CursorFound(seconds, f"`{path(keys)}` says so")
    for name, text in answer.headers.items():
        if _LIVES.search(plain(name)) and (seconds := _number(text)) is not None:
            return CursorFound(seconds, f"the header {title(name)} says so")
    inside = _inside(cursor) if isinstance(cursor, str) else None
    for name in INSIDE:
        if inside is not None and (seconds := _until(inside.get(name), now)) is not None:
            return CursorFound(seconds, f"`{name}` inside of the cursor says so")
    return None


async def measure(prober: Prober, asked: Ask, seconds: float, known: CursorFound | None) -> CursorFound:
    """Use a cursor again after a while."""
    await prober.wait(seconds)
    seen = await prober.ask(asked)
    said = known.seconds if known else None
    if seen.ok and seen.count:
        prober.note(f"the cursor again after {seconds:g} s", "still good")
        return CursorFound(said, f"still good after {seconds:g} s" + (f"; {known.how}" if known else ""))
    prober.note(f"the cursor again after {seconds:g} s", seen.failure or "no records")
    if seen.answer is None or seen.answer.status == 200:
        return CursorFound(said, f"no longer good after {seconds:g} s")
    code = refusal(seen.answer)
    return CursorFound(min(said or seconds, seconds), f"refused with {code} after {seconds:g} s", (code,))


def refusal(answer: Answer) -> str:
    """Give the code with which an answer refuses a cursor, else its status."""
    return error_code(answer.body, "code") or str(answer.status)


def _inside(cursor: str) -> Mapping[str, Any] | None:
    """Read a cursor that is JSON in base64, alone or as the middle of a JWT."""
    parts = cursor.split(".")
    text = parts[1] if len(parts) == 3 else cursor
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        found = msgspec.json.decode(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _number(value: object) -> float | None:
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 < seconds <= MOST else None


def _until(value: object, now: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    left = (value / 1000 if value > 1e11 else value) - now
    return float(round(left)) if 0 < left <= MOST else None
