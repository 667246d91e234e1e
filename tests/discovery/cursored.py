"""Cursors of the list API: what they hold, and what becomes of one that the API didn't give."""

import base64
import hashlib
import secrets
import time
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Holds = Literal["row", "record", "own time", "signed", "seconds", "issued", "session", "rows"]
"""`row`: its number. All others: a record's id and time, and besides a signature, an end in seconds, the second in
which it was given, what the chain was begun with, or how many rows came before. `own time`: of no column's moment."""

Built = Literal["taken", "refused", "ignored", "unending"]
"""What becomes of a cursor that the API didn't give. `unending`: it is taken, even if it has ended."""


class GoneError(Exception):
    """The cursor isn't taken. The message is the code."""


class Cursors:
    """Writes and reads them.

    Attributes:
        built: how many came that the API didn't give.
    """

    def __init__(self, holds: Holds, built: Built, lives: float) -> None:
        self.built = 0
        self._holds = holds
        self._for_built = built
        self._lives = lives
        self._given: set[str] = set()

    def write(self, after: int, record: dict[str, Any], moment_ms: int, asked: str | None) -> str:
        """Give the cursor for the place behind `after` rows, of which `record` is the last."""
        now = time.time()
        token: dict[str, Any] = {"id": record["id"], "ts": moment_ms, "v": 2, "exp": int((now + self._lives) * 1000)}
        if self._holds == "row":
            token = {"at": after, "exp": token["exp"]}
        elif self._holds == "own time":
            token["ts"] = moment_ms + 7
        elif self._holds == "seconds":
            token["exp"] = int(now + self._lives)
        elif self._holds == "issued":
            token["iat"] = int(now)
        elif self._holds == "rows":
            token["rows"] = after
        elif self._holds == "session":
            token["session"] = _decoded(asked)["session"] if asked else secrets.token_hex(4)
        elif self._holds == "signed":
            token["sig"] = hashlib.sha256(msgspec.json.encode(token)).hexdigest()
        cursor = base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()
        self._given.add(cursor)
        return cursor

    def read(self, cursor: str, records: Sequence[dict[str, Any]]) -> int:
        """Give the number of rows that come before.

        Raises:
            GoneError: it has ended, or is none.
        """
        token = _decoded(cursor)
        unending = self._for_built == "unending"
        if not unending and token["exp"] <= time.time() * (1 if self._holds == "seconds" else 1000):
            raise GoneError("CURSOR_GONE")
        if cursor not in self._given:
            self.built += 1
            if self._for_built == "refused":
                raise GoneError("CURSOR_FORGED")
            if self._for_built == "ignored":
                return 0
        if self._holds == "row":
            return int(token["at"])
        return 1 + next(at for at, one in enumerate(records) if one["id"] == token["id"])


def _decoded(cursor: str) -> dict[str, Any]:
    return msgspec.json.decode(base64.b64decode(cursor.replace("-", "+").replace("_", "/")), type=dict[str, Any])
