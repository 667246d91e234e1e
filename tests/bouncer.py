"""pgbouncer in transaction mode, where it is installed: each transaction may run on another server connection."""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from datasync.testing.identity import find_identity

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
_SECONDS = 15.0


class Bouncer:
    """A pgbouncer in front of the server of `dsn`, logged in there as the user of `dsn`. Use as a context manager.

    Its server connections take turns, so that a transaction seldom meets the session of the one before. What a client
    may ask for at its start is what pgbouncer takes by default, which is little.
    """

    def __init__(self, dsn: str) -> None:
        self._target = urlsplit(dsn)
        self._folder = Path(tempfile.mkdtemp(prefix="datasync-bouncer-"))
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]

    def __enter__(self) -> Self:
        assert PROGRAM is not None
        query = parse_qs(self._target.query)
        host = query["host"][0] if "host" in query else self._target.hostname
        port = query["port"][0] if "port" in query else self._target.port or 5432
        user = self._target.username or "postgres"
        password = f" password={self._target.password}" if self._target.password else ""
        config = self._folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host={host} port={port} user={user}{password}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self._port}\nunix_socket_dir =\nauth_type = any\n"
            "pool_mode = transaction\nserver_round_robin = 1\ndefault_pool_size = 4\nmin_pool_size = 4\n"
        )
        with (self._folder / "log").open("wb") as log:
            # As root it refuses to run, like the server, whose socket lies in a folder of its own user.
            command = [*find_identity().prefix, PROGRAM, str(config)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + _SECONDS
        while not self._listens():
            said = (self._folder / "log").read_text()
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def dsn(self, database: str) -> str:
        """The address of `database` by way of the pooler."""
        return f"postgresql://{self._target.username or 'postgres'}@127.0.0.1:{self._port}/{database}"

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
