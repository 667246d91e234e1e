"""The users and sessions that events belong to, with the pieces of JSON that every event of a session repeats."""

from __future__ import annotations

import random
import uuid
from bisect import bisect_left
from typing import Any

DEVICES = ("mobile", "tablet", "desktop")
BROWSERS = ("Chrome", "Safari", "Edge", "Firefox")

NEWEST_SESSION_MS = 1_769_541_612_000
SESSION_SPACING_MS = 43_243


class People:
    """Sessions, newest first, each with its own start time and one user."""

    def __init__(self, rng: random.Random, *, users: int, sessions: int) -> None:
        self.users = users
        self.sessions = sessions
        owners = [_uuid4(rng) for _ in range(users)]
        self._records = [
            {
                "id": _uuid4(rng),
                "userId": owners[rng.randrange(users)],
                "deviceType": DEVICES[rng.randrange(len(DEVICES))],
                "browser": BROWSERS[rng.randrange(len(BROWSERS))],
            }
            for _ in range(sessions)
        ]
        #: JSON between the id and the type of an event, by session.
        self.heads = [f'","sessionId":"{record["id"]}","userId":"{record["userId"]}' for record in self._records]
        #: JSON behind the timestamp of an event, by session.
        self.tails = [
            f',"session":{{"id":"{record["id"]}","deviceType":"{record["deviceType"]}","browser":"{record["browser"]}"}}}}'
            for record in self._records
        ]

    def started_ms(self, index: int) -> int:
        """Give the start of a session in epoch ms."""
        return NEWEST_SESSION_MS - index * SESSION_SPACING_MS

    def session(self, index: int) -> dict[str, Any]:
        """Give one session, its start in epoch ms."""
        return {**self._records[index], "startedAt": self.started_ms(index)}

    def find(self, ts: int) -> int:
        """Give the index at which a chain goes on after the session that started at ts; no two start together."""
        return bisect_left(range(self.sessions), True, key=lambda index: self.started_ms(index) < ts)

    def index_of(self, id: str) -> int | None:
        """Give the index of a session's id, None if there is no such session."""
        return next((index for index, record in enumerate(self._records) if record["id"] == id), None)


def _uuid4(rng: random.Random) -> str:
    return str(uuid.UUID(bytes=rng.randbytes(16), version=4))
