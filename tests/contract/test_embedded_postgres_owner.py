"""The embedded server and its owner: never left behind however they end, and content with whoever they are."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from datasync.testing import EmbeddedPostgres, EmbeddedPostgresError, find_binaries, identity
from tests.contract.embedded import ask, runs

GONE_SECONDS = 20.0
NOBODY = 65534

RUN_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from datasync.testing import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
server.start()
print(server.pid, server.data_dir.parent, flush=True)
time.sleep(600)
"""

RUN_ONCE = """
import asyncio, asyncpg, os
from datasync.testing import EmbeddedPostgres
async def answer(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT 41 + 1")
    finally:
        await connection.close()
with EmbeddedPostgres() as server:
    print(os.geteuid(), asyncio.run(answer(server.create_database("events"))))
"""


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + GONE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def start_child(*arguments: str) -> tuple[subprocess.Popen[str], int, Path]:
    """Start a process that owns a server; give it, the server's process id and the folder above its data."""
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", RUN_UNTIL_KILLED, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    pid, folder = child.stdout.readline().split(maxsplit=1)
    return child, int(pid), Path(folder.strip())


def test_outlives_the_thread_that_started_it() -> None:
    server = EmbeddedPostgres()
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    try:
        time.sleep(0.2)
        assert ask(server.dsn, "SELECT 1") == 1
    finally:
        server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_dies_cleanly_when_its_owner_is_killed(number: signal.Signals, tmp_path: Path) -> None:
    child, pid, _ = start_child(str(tmp_path / "data"))
    with child:
        assert runs(pid)
        child.send_signal(number)
        assert child.wait(GONE_SECONDS) == -number
    assert eventually(lambda: not runs(pid))
    assert "database system is shut down" in (tmp_path / "data" / "server.log").read_text()
    with EmbeddedPostgres(tmp_path / "data") as server:
        assert "not properly shut down" not in server.log_path.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_files_of_a_killed_owner_go_with_the_next_start() -> None:
    child, pid, folder = start_child()
    with child:
        child.kill()
    assert eventually(lambda: not runs(pid))
    assert folder.exists()
    with EmbeddedPostgres():
        assert not folder.exists()


def test_an_owner_that_forgets_to_stop_leaves_nothing() -> None:
    script = RUN_UNTIL_KILLED.replace("time.sleep(600)", "")
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    pid, folder = done.stdout.split(maxsplit=1)
    assert not runs(int(pid))
    assert not Path(folder.strip()).exists()
    assert done.stderr == ""


def test_changes_no_folder_that_is_not_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    found = find_binaries()
    watched = [home, *home.parents, found.folder, *found.folder.parents]
    before = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched]
    accounts = Path("/etc/passwd").read_bytes()
    with EmbeddedPostgres(home / "data") as server:
        assert ask(server.dsn, "SELECT 1") == 1
    assert [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched] == before
    assert Path("/etc/passwd").read_bytes() == accounts


def test_works_for_an_ordinary_user() -> None:
    """Root becomes `nobody` for this, or where nobody can't read the Python installation, user 1000 of a namespace."""
    become: Sequence[str] = ()
    user: int | None = None
    chosen = identity.find_identity()
    if os.geteuid() == 0 and opens_to(NOBODY, sys.executable, "-c", "import asyncpg, datasync.testing"):
        user = NOBODY
    elif os.geteuid() == 0:
        become = chosen.prefix
        assert become, "nobody can't read this Python installation, and this machine has no namespaces"
    done = subprocess.run(
        [*become, sys.executable, "-W", "error", "-c", RUN_ONCE],
        cwd="/",
        env={name: value for name, value in os.environ.items() if name not in {"TMPDIR", "HOME"}},
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        capture_output=True,
        text=True,
        check=False,
    )
    expected = user if user is not None else 1000 if become else os.geteuid()
    assert (done.stderr, done.stdout) == ("", f"{expected} 42\n")


def test_root_borrows_an_account_where_namespaces_are_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_binaries()
    monkeypatch.setattr(shutil, "which", lambda _name: None)  # no `unshare` here
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    chosen = identity.find_identity()
    if os.geteuid() != 0:
        assert chosen == identity.Identity()
        return
    assert chosen.uid is not None
    if opens_to(chosen.uid, str(found.postgres), "--version"):
        with EmbeddedPostgres(binaries=found) as server:
            assert ask(server.dsn, "SELECT 1") == 1
            server.restart()
            assert Path(f"/proc/{server.pid}").stat().st_uid == chosen.uid
    else:
        with pytest.raises(EmbeddedPostgresError, match="Permission denied") as caught:
            EmbeddedPostgres(binaries=found).start()
        assert "open to" in str(caught.value.hint)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root borrows an account")
def test_a_folder_closed_to_the_borrowed_account_stays_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match="Permission denied") as caught:
        EmbeddedPostgres(closed / "data").start()
    assert "open to" in str(caught.value.hint)
    assert (stat.S_IMODE(closed.stat().st_mode), closed.stat().st_uid) == (0o700, 0)
    assert list(closed.iterdir()) == []


def opens_to(uid: int, *command: str) -> bool:
    """Whether an account may run this command."""
    try:
        done = subprocess.run(command, cwd="/", user=uid, group=uid, extra_groups=[], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
