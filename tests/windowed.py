"""An endpoint that takes windows of time, the simulated feed, and `datasync ingest` on it as a process of its own.

`python tests/windowed.py` reads the same environment as `datasync ingest`.
"""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path

import httpx
import msgspec
import structlog

import datasync
from datasync import app, loop
from datasync.config import Settings, load
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.errors import DatasyncError, Interrupted
from datasync.model import Position, Request, Window
from datasync.observe import log
from datasync.plugins import Plugins

ENDPOINT = "tests.windowed:WindowedFeed"


class _FeedAuth(httpx.Auth):
    def __init__(self, key: str, token: str) -> None:
        self._headers = {"X-API-Key": key, "X-Stream-Token": token}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._headers)
        yield request


class WindowedFeed(EventsEndpoint):
    """The simulated feed, with a token that outlives a test."""

    name = "test.windowed"  # type: ignore[misc]  # another stream

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        key = settings.api_key.reveal()
        access = httpx.post(
            settings.api_base_url.removesuffix("/api/v1") + "/internal/dashboard/stream-access",
            headers={"X-API-Key": key, "X-Dashboard-Access": "demo"},
            trust_env=False,
        )
        self.auth: httpx.Auth = _FeedAuth(key, access.json()["streamAccess"]["token"])

    def request(self, cursor: str | None) -> Request:
        return Request("/events/d4ta/x7k9/feed", super().request(cursor).params)

    def request_window(self, cursor: str | None, window: Window) -> Request:
        params = dict(self.request(cursor).params)
        if window.since is not None:
            params["since"] = window.since - 1  # the bound may be exclusive
        if window.until is not None:
            params["until"] = window.until
        return Request("/events/d4ta/x7k9/feed", params)

    def moment(self, position: Position) -> int:
        return int(position["ts"])


def start(env: Mapping[str, str], partitions: int) -> "subprocess.Popen[str]":
    """Start an ingestion of the feed, of this very package."""
    path = os.pathsep.join([str(Path(datasync.__file__).parents[1]), str(Path(__file__).parents[1])])
    return subprocess.Popen(
        [sys.executable, __file__],
        env={**env, "PYTHONPATH": path, "DATASYNC_PARTITIONS": str(partitions)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def main() -> int:
    log.configure(terminal=False, mask=str)  # type: ignore[arg-type]  # nothing to hide
    try:
        settings = msgspec.structs.replace(load(os.environ), endpoint=ENDPOINT)
        loop.run(app.ingest(settings, Plugins(entry_points=False)))
    except Interrupted as stopped:
        return stopped.exit_code
    except DatasyncError as error:
        structlog.get_logger().error(str(error), code=error.code, hint=error.hint)
        return error.exit_code
    return 0


if __name__ == "__main__":
    os._exit(main())
