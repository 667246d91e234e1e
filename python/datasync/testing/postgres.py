"""A PostgreSQL server of our own for the demo, the tests and the benches: up within a second, gone without a trace."""

import atexit
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

from datasync.testing import databases
from datasync.testing.binaries import Binaries, find_binaries
from datasync.testing.child import OwnedProcess
from datasync.testing.cluster import create_cluster, data_major, is_ready
from datasync.testing.errors import EmbeddedPostgresError
from datasync.testing.identity import Identity, find_identity
from datasync.testing.rundir import RunDir

DEFAULT_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Enough for the key index of about three million rows; more only pays beyond that.
        "shared_buffers": "256MB",
        # The log of two batches. With PostgreSQL's own 8 MB a writer waits for the log to be written, although its
        # commit doesn't: 5 to 7 % of the time.
        "wal_buffers": "32MB",
        # Few checkpoints: each is followed by full-page images, which double or treble the log.
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        # Nothing follows this server, so nothing has to be logged for followers.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        # The only method in the wheels is pglz, which costs 40 % of the throughput.
        "wal_compression": "off",
        "fsync": "on",
        "jit": "off",
    }
)

_START_SECONDS: Final = 60.0
"""A start after a kill replays the log first."""
_STOP_SECONDS: Final = 15.0
_QUIT_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.005
_TAIL_BYTES: Final = 4096


class EmbeddedPostgres:
    """One server, reachable only through a unix socket in a private folder; a child of this process that dies with it.

    Use as a context manager, or `start` and `stop`. Works for root and for ordinary users. The calls block (`start` for
    about half a second): from a coroutine use `asyncio.to_thread`. One thread at a time.

    On Linux the server shuts down cleanly even when this process is killed with SIGKILL; elsewhere it then stays.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        settings: Mapping[str, str] | None = None,
        *,
        binaries: Binaries | None = None,
    ) -> None:
        """Prepare; nothing is started or written yet.

        Args:
            data_dir: where the data are kept, made when it isn't there. None: temporary, removed by `stop`.
            settings: server settings by name, over `DEFAULT_SETTINGS`.
            binaries: the server programs to run. None: the first that `find_binaries` gives.
        """
        self._wanted_data_dir = data_dir.absolute() if data_dir is not None else None
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._wanted_binaries = binaries
        self._run_dir: RunDir | None = None
        self._process: OwnedProcess | None = None
        self._binaries: Binaries | None = None
        self._identity = Identity()
        self._owner = os.getpid()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the server's first process, our child."""
        if self._process is None or self._process.returncode is not None:
            raise EmbeddedPostgresError("the server isn't running", hint="call `start` or `restart`")
        return self._process.pid

    @property
    def dsn(self) -> str:
        """Address of the database `postgres`. Stays the same over `kill` and `restart`."""
        return databases.database_dsn(self._started_dir(), databases.SUPERUSER)

    @property
    def log_path(self) -> Path:
        """The server's log. With temporary data it goes with them."""
        return (self._wanted_data_dir or self._started_dir()) / "server.log"

    @property
    def data_dir(self) -> Path:
        """Where the data are."""
        return self._wanted_data_dir or self._started_dir() / "data"

    def start(self) -> None:
        """Make the data folder if needed, start the server, and return when it takes connections.

        Raises:
            EmbeddedPostgresError: no server was found or it didn't start; the message ends with its log.
        """
        if self._run_dir is not None:
            raise EmbeddedPostgresError("the server is started already", hint="call `stop` first, or `restart`")
        self._owner = os.getpid()
        self._run_dir = RunDir()
        atexit.register(self._stop_at_exit)
        try:
            self._identity = find_identity()
            self._identity.give(self._run_dir.path)
            major = data_major(self.data_dir)
            self._binaries = self._wanted_binaries or find_binaries(major=major)
            if major is None:
                create_cluster(self.data_dir, self._binaries, self._identity)
            self._launch(self._binaries)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut down without waiting for clients, and remove what was temporary. May be called at any time."""
        try:
            self._end(signal.SIGINT, _STOP_SECONDS)
        finally:
            atexit.unregister(self._stop_at_exit)
            if self._run_dir is not None:
                self._run_dir.remove()
                self._run_dir = None

    def kill(self) -> None:
        """End at once, as in a crash: nothing is flushed, the next start recovers from the log. Data and `dsn` stay."""
        self._end(signal.SIGQUIT, _QUIT_SECONDS)

    def restart(self) -> None:
        """Start again on the same data and the same `dsn`, after a shutdown if it still runs.

        Raises:
            EmbeddedPostgresError: it was never started, or didn't come back.
        """
        if self._binaries is None or self._run_dir is None:
            raise EmbeddedPostgresError("the server was never started", hint="call `start`")
        self._end(signal.SIGINT, _STOP_SECONDS)
        self._launch(self._binaries)

    def create_database(self, name: str, *, exist_ok: bool = False) -> str:
        """Create a database and give its address.

        Args:
            name: any name PostgreSQL takes, at most 63 bytes.
            exist_ok: a database that is there already is fine.

        Raises:
            EmbeddedPostgresError: the name can't be used or is taken, or the server doesn't answer.
        """
        databases.create_database(self.dsn, name, exist_ok=exist_ok)
        return databases.database_dsn(self._started_dir(), name)

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected to it.

        Raises:
            EmbeddedPostgresError: there is none of that name, or the server doesn't answer.
        """
        databases.drop_database(self.dsn, name)

    def _started_dir(self) -> Path:
        if self._run_dir is None:
            raise EmbeddedPostgresError(
                "the server isn't started", hint="call `start`, or use it in a `with` statement"
            )
        return self._run_dir.path

    def _launch(self, binaries: Binaries) -> None:
        log_from = self.log_path.stat().st_size if self.log_path.exists() else 0
        command: list[str | Path] = [binaries.postgres, "-D", self.data_dir]
        for name, value in {**self._settings, **self._own_settings()}.items():
            command += ["-c", f"{name}={value}"]
        folder = self._started_dir()
        try:
            self._process = OwnedProcess(command, identity=self._identity, log_path=self.log_path, folder=folder)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"{binaries.postgres} ({binaries.origin}) can't be run: {error}",
                hint="check that this process may start the Python interpreter and write the data folder",
            ) from error
        self._await_ready(self._process, binaries, log_from)

    def _own_settings(self) -> dict[str, str]:
        # Not for the caller to change: without them the server would be reachable from elsewhere, or not by us.
        return {
            "listen_addresses": "",
            "port": str(databases.PORT),
            "unix_socket_directories": str(self._started_dir()),
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
            "log_destination": "stderr",
        }

    def _await_ready(self, process: OwnedProcess, binaries: Binaries, log_from: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not is_ready(self.data_dir, process.pid):
            if process.wait(_POLL_SECONDS):
                what = f"ended with {process.returncode} while it started"
            elif time.monotonic() > deadline:
                what = f"was not ready after {_START_SECONDS:.0f} s"
                self._end(signal.SIGINT, _STOP_SECONDS)
            else:
                continue
            raise EmbeddedPostgresError(
                f"PostgreSQL {binaries.major} ({binaries.origin}, {binaries.postgres}) on {self.data_dir} {what}; "
                f"its log ends with:\n{_tail(self.log_path, log_from)}",
                hint="look for FATAL above: a refused setting, a data folder in use, or a full disk",
            )

    def _end(self, first: signal.Signals, seconds: float) -> None:
        """End the process, each step harsher than the last. SIGKILL leaves shared memory behind, so it comes last."""
        process = self._process
        if process is None:
            return
        for number, patience in ((first, seconds), (signal.SIGQUIT, _QUIT_SECONDS), (signal.SIGKILL, _QUIT_SECONDS)):
            process.signal(number)
            if process.wait(patience):
                self._process = None
                return
        raise EmbeddedPostgresError(
            f"the server with process id {process.pid} doesn't end, not even by SIGKILL",
            hint="it hangs in the kernel, most likely on its disk",
        )

    def _stop_at_exit(self) -> None:
        # A forked child inherits this handler, but the server isn't its own.
        if os.getpid() == self._owner:
            self.stop()


def _tail(log_path: Path, start: int) -> str:
    """The end of what the log got since `start` (in bytes)."""
    try:
        with log_path.open("rb") as log:
            log.seek(max(start, log_path.stat().st_size - _TAIL_BYTES))
            return log.read().decode(errors="replace").strip() or "(nothing)"
    except OSError as error:
        return f"(the log can't be read: {error})"
