"""Masks secrets in text that leaves the process: log lines and quarantine reasons."""

from collections.abc import Iterable
from urllib.parse import unquote

from datasync.config.schema import Secret

MASK = "***"


class Masker:
    """Replaces the values of secrets, and the passwords inside URLs among them, as written and decoded."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        values = {secret.reveal() for secret in secrets}
        values |= {part for value in values for part in _passwords(value)}
        # Longest first: a whole URL goes before the password in it.
        self._values = sorted(values - {""}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Give `text` with every secret replaced."""
        for value in self._values:
            text = text.replace(value, MASK)
        return text


def _passwords(url: str) -> set[str]:
    authority = url.partition("://")[2].rpartition("@")[0]
    written = authority.partition(":")[2]
    return {written, unquote(written)}
