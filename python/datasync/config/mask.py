"""Masks secrets in text that leaves the process: log lines and quarantine reasons."""

from collections import deque
from collections.abc import Iterable
from urllib.parse import quote, unquote

from datasync.config.secret import Secret

MASK = "***"

LEARNED = 1000
"""Tokens remembered. Those before them expired long ago."""


class Masker:
    """Replaces the values of secrets, and the passwords inside URLs among them, as written and decoded."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._kept: set[str] = set()
        self._learned: deque[str] = deque(maxlen=LEARNED)
        self._values: list[str] = []
        self.add(secrets)

    def __call__(self, text: str) -> str:
        """Give `text` with every secret replaced."""
        for value in self._values:
            text = text.replace(value, MASK)
        return text

    def add(self, secrets: Iterable[Secret]) -> None:
        """Replace these, too, for good."""
        self._kept |= {secret.reveal() for secret in secrets}
        self._sort()

    def learn(self, secret: Secret) -> None:
        """Replace this one, too, from now on: one that the run is given on the way and that lives for a while."""
        self._learned.append(secret.reveal())
        self._sort()

    def _sort(self) -> None:
        values = self._kept.union(self._learned)
        values |= {part for value in values for part in _passwords(value)}
        values |= {quote(value, safe="") for value in values}
        # Longest first: a whole URL goes before the password in it. One assignment: other threads mask meanwhile.
        self._values = sorted(values - {""}, key=len, reverse=True)


def _passwords(url: str) -> set[str]:
    authority = url.partition("://")[2].rpartition("@")[0]
    written = authority.partition(":")[2]
    return {written, unquote(written)}
