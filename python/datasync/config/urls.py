"""What is wrong with a URL that somebody configured. The URL itself is never shown: it may hold a password."""

from typing import Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

import httpx

_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

Wrong: TypeAlias = tuple[str, str]
"""What is wrong, as the end of a sentence that begins with the setting's name; and a hint."""


def base_url(value: str) -> Wrong | None:
    """Check the root of an API."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(httpx.URL(value).host) and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable or not value.isprintable():
        return "is not an http(s) URL", "it looks like https://host/api/v1"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "has more than a scheme, a host and a path", "leave out `user:password@`, `?...` and `#...`"
    return None


def database_url(value: str) -> Wrong | None:
    """Check where PostgreSQL is."""
    if not value.startswith(("postgresql://", "postgres://")) or not _names_host_and_database(value):
        return "is not a PostgreSQL URL", "it looks like postgresql://user:password@host:5432/database"
    modes = parse_qs(urlsplit(value).query).get("sslmode", [])
    if any(mode not in _SSL_MODES for mode in modes):
        return "has an unknown `sslmode`", f"it is one of {', '.join(_SSL_MODES)}"
    return None


def _names_host_and_database(url: str) -> bool:
    # Without them a driver takes whatever server and database it finds on this machine.
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
    except ValueError:
        return False
    host = parts.netloc.rpartition("@")[2] or "host" in query
    return bool(host and (parts.path.strip("/") or "dbname" in query or "database" in query))
