"""Signs requests as the species `signed` wants it; a plugin for datasync."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx

from datasync import hookimpl
from datasync.config.spec import PluginAuth


class Signature(httpx.Auth):
    """Headers over method, path, query and date, made anew for each request."""

    def __init__(self, key_id: str, key: str) -> None:
        self._key_id = key_id
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        date = format_datetime(datetime.now(UTC), usegmt=True)
        path, _, query = request.url.raw_path.decode().partition("?")
        text = f"{request.method}\n{path}\n{query}\n{date}"
        digest = hmac.digest(self._key.encode(), text.encode(), hashlib.sha256)
        request.headers["X-Date"] = date
        request.headers["X-Key-Id"] = self._key_id
        request.headers["X-Signature"] = base64.b64encode(digest).decode()
        yield request


@hookimpl
def register_auth(register: Callable[[str, Callable[[PluginAuth, object], httpx.Auth]], None]) -> None:
    register(
        "zoo-signature",
        lambda wanted, _settings: Signature(str(wanted.options["key_id"]), wanted.secrets["key"].reveal()),
    )
