"""What the machine denies a run: memory, file handles, a disk, a clock that can be trusted, a reader of its log."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.faults.here import ingest_here
from tests.scripted import ScriptedApi, page
from tests.support import API_KEY, Database, Run, environment, finish, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

ACCESS = '{"X-Dashboard-Access": "demo"}'


def options(count: int, **more: object) -> SimulatorOptions:
    return SimulatorOptions(count=count, api_key=API_KEY, rate_limit="none", page_cap=100, **more)  # type: ignore[arg-type]  # by name


def limited(limit: str, env: dict[str, str], *arguments: str) -> Run:
    """Run `datasync ingest` under a limit of the shell's `ulimit`."""
    command = Path(sys.executable).with_name("datasync")
    done = subprocess.run(
        ["bash", "-c", f'ulimit {limit} && exec "$@"', "bash", command, "ingest", *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.mark.fault(59)
def test_a_transform_that_eats_all_memory_loses_its_record_to_quarantine_and_no_other(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    (workdir / "mine.py").write_text(
        "import datasync\n\n"
        "@datasync.transform('hog')\n"
        "def hog(record):\n"
        "    if record['type'] == 'click':\n"
        "        bytearray(1 << 36)\n"
        "    return record\n"
    )
    api = simulate(options(300))
    env = environment(database.dsn, api.base_url)
    run = limited(
        f"-v {8 << 20}", env, "--plugin", str(workdir / "mine.py"), "--transform", "hog", "--max-rejects", "1"
    )
    assert run.code == 0, run.stderr
    dataset = Dataset(1, 300)
    clicks = sum(dataset.event(index)["type"] == "click" for index in range(300))
    assert clicks > 0
    assert database.value("SELECT count(*) FROM quarantined_events WHERE detail LIKE 'hog: MemoryError%'") == clicks
    assert database.value("SELECT count(*) FROM ingested_events") == 300 - clicks


@pytest.mark.fault(64)
def test_with_few_file_handles_fewer_requests_are_made_at_once_and_it_is_said(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(options(1500, latency=0.01))
    env = environment(database.dsn, api.base_url, DATASYNC_ACCESS_HEADERS=ACCESS)
    run = limited("-n 34", env, "--endpoint", "datasync-feed", "--partitions", "8")
    assert run.code == 0, run.stderr
    assert run.line("few open files are allowed: fewer requests at once")["slots"] < 8
    assert "ulimit" in run.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 1500


@pytest.mark.fault(64)
def test_with_too_few_file_handles_for_anything_the_run_says_so_before_the_first_request(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(options(10))
    run = limited("-n 16", environment(database.dsn, api.base_url))
    assert run.code == 2, run.stderr
    assert run.error["code"] == "config"
    assert "open files" in run.error["event"]
    assert "ulimit" in run.error["hint"]
    assert not api.served()


@pytest.mark.fault(64)
def test_a_limit_that_may_be_raised_is_raised(simulate: Simulate, database: Database) -> None:
    api = simulate(options(300))
    run = limited("-S -n 34", environment(database.dsn, api.base_url))
    assert run.code == 0, run.stderr
    assert "open files" not in run.stderr


@pytest.mark.fault(69)
def test_a_run_writes_no_file(simulate: Simulate, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    api = simulate(options(300, chaos="missing_id=0.1"))
    # Nothing can be made in /proc, and no byte can be written into a regular file: that would be SIGXFSZ.
    monkeypatch.chdir("/proc")
    env = environment(database.dsn, api.base_url, TMPDIR="/proc", HOME="/proc", PYTHONDONTWRITEBYTECODE="1")
    run = limited("-f 0", env, "--max-rejects", "1")
    assert run.code == 0, run.stderr
    rows, kept = (database.value(f"SELECT count(*) FROM {table}_events") for table in ("ingested", "quarantined"))
    assert rows + kept == 300
    assert kept > 0


@pytest.mark.fault(63)
def test_a_clock_that_jumps_by_a_day_changes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    real, real_ns, calls = time.time, time.time_ns, iter(range(10**9))

    def jump() -> int:
        return (-86_400, 86_400)[next(calls) % 2]

    monkeypatch.setattr(time, "time", lambda: real() + jump())
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + jump() * 10**9)
    soon = datetime.fromtimestamp(real() + 2, tz=UTC)
    headers = {
        "X-RateLimit-Limit": "10",
        "X-RateLimit-Remaining": "3",
        "X-RateLimit-Reset": str(int(soon.timestamp())),
    }

    def script(cursor: str | None) -> tuple[int, dict[str, str], bytes]:
        number = int(cursor or 0)
        status, _, body = page([f"id-{number}"], str(number + 1) if number < 6 else None, total=7)
        return status, headers, body

    with ScriptedApi(script) as api:
        stats = ingest_here(database, api.base_url)
    assert (stats.rows, stats.quarantined) == (7, 0)
    assert stats.waited < 30
    moments = {row[0] for row in database.fetch('SELECT "timestamp" FROM ingested_events')}
    assert moments == {datetime(2024, 1, 15, 10, 30, tzinfo=UTC)}


@pytest.mark.fault(63)
def test_no_time_zone_of_the_machine_changes_a_moment(simulate: Simulate, database: Database) -> None:
    # Half an hour off, and on daylight saving time from one hour to the next.
    api = simulate(options(300))
    run = finish(start(["ingest"], environment(database.dsn, api.base_url, TZ="ODD-3:30EVEN,J1/0,J365/23")))
    assert run.code == 0, run.stderr
    assert all(line["timestamp"].endswith("Z") for line in run.lines)
    dataset = Dataset(1, 300)
    stored = {row[0]: row[1] for row in database.fetch('SELECT id, "timestamp" FROM ingested_events')}
    for index in range(300):
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=dataset.timestamp_ms(index))
        assert stored[dataset.event(index)["id"]] == when


@pytest.mark.fault(63)
def test_a_process_that_sleeps_while_its_cursor_expires_goes_on_where_it_was(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(options(2000, latency=0.02, cursor_ttl=1.0))
    process = start(["ingest"], environment(database.dsn, api.base_url))
    deadline = time.monotonic() + 60
    while len(api.served()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    process.send_signal(signal.SIGCONT)
    run = finish(process)
    assert run.code == 0, run.stderr
    assert "blocked" not in run.stderr
    assert run.line("ingestion complete")["reseeks"] >= 1
    assert database.value("SELECT count(*) FROM ingested_events") == 2000


@contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe into which nothing more goes."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 512)
    except BlockingIOError:
        os.set_blocking(writer, True)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.fault(68)
def test_a_reader_of_the_log_that_stops_reading_stops_nothing_and_is_told_what_it_missed(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(options(2000, latency=0.03))
    with full_pipe() as (reader, writer):
        process = subprocess.Popen(
            [Path(sys.executable).with_name("datasync"), "ingest"],
            env=environment(database.dsn, api.base_url),
            stderr=writer,
        )
        deadline = time.monotonic() + 60
        while len(api.served()) < 10:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        taken: list[bytes] = []

        def drain() -> None:
            while b"ingestion complete" not in b"".join(taken[-2:]):
                taken.append(os.read(reader, 65536))

        thread = threading.Thread(target=drain, daemon=True)
        thread.start()
        assert process.wait(timeout=60) == 0
        thread.join(timeout=10)
    run = Run(0, "", b"".join(taken).decode().lstrip("x"))
    assert run.line("log lines were lost")["lost"] >= 1
    assert run.line("ingestion complete")["rows"] == 2000


@pytest.mark.fault(68)
def test_a_log_that_nobody_ever_reads_holds_up_no_more_than_one_line(simulate: Simulate, database: Database) -> None:
    api = simulate(options(500))
    with full_pipe() as (_, writer):
        process = subprocess.Popen(
            [Path(sys.executable).with_name("datasync"), "ingest"],
            env=environment(database.dsn, api.base_url),
            stderr=writer,
        )
        assert process.wait(timeout=120) == 0
    assert database.value("SELECT count(*) FROM ingested_events") == 500


@pytest.mark.fault(68)
def test_a_terminal_that_is_closed_stops_nothing(simulate: Simulate, database: Database) -> None:
    api = simulate(options(1500, latency=0.03))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("datasync"), "ingest"],
        env=environment(database.dsn, api.base_url, TERM="xterm"),
        stderr=theirs,
    )
    os.close(theirs)
    deadline = time.monotonic() + 60
    while len(api.served()) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.close(ours)
    assert process.wait(timeout=60) == 0
    assert database.value("SELECT count(*) FROM ingested_events") == 1500


def panics(*points: str) -> str:
    return ",".join(f"native_{point}=panic@1+" for point in points)


@pytest.mark.fault(61)
def test_where_the_core_panics_over_a_page_its_records_are_read_or_kept_one_by_one(database: Database) -> None:
    first, last = page(["a", "b"], "second", total=3), page(["c"], None, total=3)
    with ScriptedApi(lambda cursor: first if cursor is None else last) as api:
        env = environment(
            database.dsn, api.base_url, DATASYNC_FAILPOINTS="native_encode=panic@1+,native_extract=panic@1+"
        )
        run = finish(start(["ingest"], env))
        assert run.code == 0, run.stderr
        assert run.line("ingestion complete")["quarantined"] == 3
        kept = database.fetch("SELECT raw, code, page_cursor FROM quarantined_events ORDER BY id")
        assert [(json.loads(row["raw"])["id"], row["code"], row["page_cursor"]) for row in kept] == [
            ("a", "core_panic", None),
            ("b", "core_panic", None),
            ("c", "core_panic", "second"),
        ]
        env = environment(database.dsn, api.base_url, DATASYNC_FAILPOINTS=panics("encode"))
        again = finish(start(["ingest", "--restart"], env))
        assert again.code == 0, again.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 3


@pytest.mark.fault(61)
def test_a_page_of_which_not_even_the_records_can_be_told_apart_ends_the_run(database: Database) -> None:
    with ScriptedApi(lambda _: page(["a"], None, total=1)) as api:
        env = environment(
            database.dsn, api.base_url, DATASYNC_FAILPOINTS="native_encode=panic@1+,native_split=panic@1+"
        )
        run = finish(start(["ingest"], env))
        assert run.code == 2, run.stderr
        assert run.error["code"] == "page_damaged"
        assert "bug of datasync" in run.error["event"]
        assert api.asked == [None, None]
