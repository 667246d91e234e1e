"""The address of a list, cut into what `[api]` and `[[endpoint]]` want."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec

from datasync.errors import ConfigError
from datasync.http.redact import redact


class Address(msgspec.Struct, frozen=True):
    """Where a list is.

    Attributes:
        base_url: scheme, host, and the path but for its last part.
        path: the last part.
        params: of the query.
    """

    base_url: str
    path: str
    params: Mapping[str, str]

    @property
    def url(self) -> str:
        """All but the query."""
        return self.base_url + self.path

    @property
    def name(self) -> str:
        """For the endpoint and its table: the last word of the path."""
        words = re.findall(r"[a-z0-9]+", self.path.lower()) or ["records"]
        name = "_".join(words)[:40]
        return f"list_{name}" if name[0].isdigit() else name


def parse(url: str) -> Address:
    """Read an address.

    Raises:
        ConfigError: it is no http(s) URL, or holds credentials.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(httpx.URL(url).host) and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise ConfigError("that is not an http(s) URL", hint="datasync init https://api.example.com/v1/events")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(pairs)
    if len(query) < len(pairs):
        raise ConfigError("a parameter is there twice, which a configuration can't say", hint="leave all but one out")
    if parts.username or parts.password or redact(url) != url:
        raise ConfigError(
            "the URL holds what looks like a key or a password",
            hint="leave it out, and send it with --query NAME:VARIABLE or --header NAME:VARIABLE",
        )
    root, slash, last = parts.path.rstrip("/").rpartition("/")
    path = f"{slash}{last}" + ("/" if parts.path.endswith("/") else "")
    return Address(f"{parts.scheme}://{parts.netloc}{root}", path, query)
