"""PostgreSQL servers of a test's own: one that crashes as by loss of power, and a standby that follows it."""

import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import psutil

from datasync.testing import EmbeddedPostgres
from datasync.testing.binaries import find_binaries
from datasync.testing.child import server_environment
from tests.truth import ask

_SECONDS = 30.0

SMALL = {"shared_buffers": "16MB", "fsync": "off", "max_connections": "20"}
"""Settings for a server that lives for a second or two. None of these tests cuts the power of the machine."""
PRIMARY = {**SMALL, "wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}
"""Settings for a server that others follow, and for those that do."""


def crash(server: EmbeddedPostgres) -> None:
    """SIGKILL all processes of a server, so that none can tell its clients or write anything any more."""
    first = psutil.Process(server.pid)
    family = [first, *first.children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)  # or the first would start anew what is killed
    for process in reversed(family):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + _SECONDS
    while any(_runs(process) for process in family):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Standby:
    """A server that follows `primary` by streaming; use as a context manager.

    With `synchronous` the primary tells no commit before the standby has it, as where a failover must lose nothing.
    """

    def __init__(self, primary: EmbeddedPostgres, *, synchronous: bool) -> None:
        self._primary = primary
        self._synchronous = synchronous
        self._folder = Path(tempfile.mkdtemp(prefix="datasync-standby-"))
        self._server: EmbeddedPostgres | None = None

    def __enter__(self) -> Self:
        data = self._folder / "data"
        parts = parse_qs(urlsplit(self._primary.dsn).query)
        conninfo = f"host={parts['host'][0]} port={parts['port'][0]} user=postgres application_name=standby"
        binaries = find_binaries()
        subprocess.run(
            [binaries.folder / "pg_basebackup", "-D", data, "-d", conninfo, "-R", "--checkpoint=fast", "-X", "stream"],
            env=server_environment(),
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        (data / "server.log").unlink(missing_ok=True)
        self._server = EmbeddedPostgres(data, PRIMARY, binaries=binaries)
        self._server.start()
        self._await("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", self._primary.dsn)
        if self._synchronous:
            ask(self._primary.dsn, "ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            ask(self._primary.dsn, "SELECT pg_reload_conf()")
            in_step = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            self._await(in_step, self._primary.dsn)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def dsn(self) -> str:
        """Address of its database `postgres`."""
        assert self._server is not None
        return self._server.dsn

    def fall_behind(self) -> None:
        """Follow no more: what the primary commits from now on never arrives."""
        ask(self.dsn, "ALTER SYSTEM SET primary_conninfo = ''")
        ask(self.dsn, "SELECT pg_reload_conf()")
        self._await("SELECT (NOT EXISTS (SELECT FROM pg_stat_wal_receiver))::int", self.dsn)

    def promote(self) -> None:
        """Make it a primary of its own, which waits for nobody."""
        ask(self.dsn, "SELECT pg_promote()")
        self._await("SELECT (NOT pg_is_in_recovery())::int", self.dsn)
        ask(self.dsn, "ALTER SYSTEM RESET synchronous_standby_names")
        ask(self.dsn, "SELECT pg_reload_conf()")

    def _await(self, query: str, dsn: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not ask(dsn, query)[0][0]:
            assert time.monotonic() < deadline, query
            time.sleep(0.02)
