"""The cursor: unsigned base64 JSON naming the last event of a page, which a client may also build itself."""

from __future__ import annotations

import base64
import binascii
from typing import Literal

import msgspec


class Cursor(msgspec.Struct, frozen=True):
    """A place in the order of events.

    Attributes:
        id: Id of the last event that was given.
        ts: Its time in epoch ms.
        v: Version of the form.
        exp: When the cursor ends, in epoch ms.
    """

    id: str
    ts: int
    v: Literal[2]
    exp: int


class InvalidCursorError(ValueError):
    """The text is no cursor."""


def encode_cursor(*, id: str, ts: int, exp: int) -> str:
    """Write a cursor in standard base64; times in epoch ms."""
    return base64.b64encode(msgspec.json.encode(Cursor(id=id, ts=ts, v=2, exp=exp))).decode()


def decode_cursor(text: str) -> Cursor:
    """Read a cursor in standard or URL-safe base64, with or without its padding.

    Raises:
        InvalidCursorError: The text is not base64, not JSON, or lacks a field.
    """
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        raw = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        return msgspec.json.decode(raw, type=Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidCursorError(str(error)) from error
