"""Cursors that are written here, where the API's own have expired."""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from datasync.config.duration import seconds
from datasync.config.spec import Renewal
from datasync.config.spec.renewal import KEY, TIMESTAMP_MS
from datasync.errors import ContractChanged
from datasync.model import Chunk, Column, Position


class Renewed:
    """Positions out of cursors and cursors out of positions. A position is the members that tell a place, by name."""

    def __init__(self, spec: Renewal, columns: Sequence[Column]) -> None:
        self._members = spec.members
        self._of_records = spec.of_records
        self._expires = spec.expires
        self._lifetime_ms = round(seconds(spec.lifetime) * 1000)
        self._number = any(column.key and column.kind in ("bigint", "integer") for column in columns)

    def position(self, chunk: Chunk) -> Position | None:
        """Give the place after a page: as its next cursor says, else by the last record stored; None without either."""
        try:
            token = decoded(chunk.next_cursor or "")
            return {name: _told(token[name], kind) for name, kind in self._of_records.items()}
        except (ValueError, KeyError, TypeError, RecursionError, msgspec.DecodeError):
            pass  # the cursor has another form by now: go by the record
        of_record: Position = {}
        if chunk.last_key is not None:
            of_record[KEY] = int(chunk.last_key) if self._number else chunk.last_key
        if chunk.last_timestamp_us is not None:
            of_record[TIMESTAMP_MS] = chunk.last_timestamp_us // 1000
        if not of_record.keys() >= set(self._of_records.values()):
            return None
        return {name: of_record[kind] for name, kind in self._of_records.items()}

    def build(self, position: Position, now_ms: int) -> str:
        """Write a cursor for a position as of a moment; see `ByCursor`.

        Raises:
            ContractChanged: the position lacks a member.
        """
        token: dict[str, Any] = {**self._members, self._expires: now_ms + self._lifetime_ms}
        try:
            token |= {name: position[name] for name in self._of_records}
        except KeyError as error:
            raise ContractChanged(
                f"the stored position has no {error}", hint="run with --restart to read from the beginning"
            ) from error
        return base64.b64encode(msgspec.json.encode(token)).decode()


def decoded(cursor: str) -> dict[str, Any]:
    """Give the object in a cursor of standard base64 or base64url, padded or not.

    Raises:
        ValueError, RecursionError, msgspec.DecodeError: there is none in it.
    """
    text = cursor.replace("-", "+").replace("_", "/")
    raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    return msgspec.json.decode(raw, type=dict[str, Any])


def _told(value: object, kind: str) -> str | int:
    """A member as it stands in a cursor, if it is what it should be."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(value)
    if kind == TIMESTAMP_MS:
        int(value)
    return value
