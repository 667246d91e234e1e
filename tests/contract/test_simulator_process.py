"""The simulated API as a child process, over real sockets."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from datasync.simulator.chaos import REQUEST_KINDS, Chaos, parse_chaos
from datasync.simulator.cursor import encode_cursor

COUNT = 12_000


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(SimulatorOptions(count=COUNT, rate_limit="none")) as process:
        yield process


def client(process: SimulatorProcess) -> httpx.Client:
    return httpx.Client(base_url=process.base_url, headers={"X-API-Key": "demo-key"}, trust_env=False)


def raw_answer(process: SimulatorProcess) -> bytes:
    """Read one answer until the connection ends, as it is on the wire."""
    host, port = process.origin.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /api/v1/events?limit=5000 HTTP/1.1\r\nHost: api\r\nX-API-Key: demo-key\r\n\r\n")
        answer = b""
        while got := connection.recv(1 << 20):
            answer += got
    return answer


def test_served_log_equals_what_a_client_received(simulator: SimulatorProcess) -> None:
    before = len(simulator.served())
    received, cursor = [], None
    with client(simulator) as api:
        while True:
            params = {"limit": 5_000, **({"cursor": cursor} if cursor else {})}
            page = api.get("/events", params=params).json()
            received.append((cursor, [record["id"] for record in page["data"]]))
            cursor = page["pagination"]["nextCursor"]
            if cursor is None:
                break
    ids = Dataset(1, COUNT).ids()
    entries = simulator.served(after=before)
    assert [(entry.cursor, ids[entry.first or 0 : (entry.first or 0) + entry.count]) for entry in entries] == received
    assert all(entry.complete and entry.status == 200 and entry.chaos is None for entry in entries)
    assert [entry.n for entry in entries] == list(range(before + 1, before + 4))
    assert [id for _, page in received for id in page] == ids


def test_connection_is_kept_alive_and_errors_do_not_end_it(simulator: SimulatorProcess) -> None:
    with client(simulator) as api:
        codes = [api.get(path).status_code for path in ("/events/none", "/none", "/events?cursor=x", "/events?limit=1")]
        assert codes == [404, 404, 400, 200]
        assert api.head("/events").status_code == 200


def test_resume_after_the_client_went_away_is_exact(simulator: SimulatorProcess) -> None:
    dataset = Dataset(1, COUNT)
    at = 7_001
    cursor = encode_cursor(id=dataset.id(at), ts=dataset.timestamp_ms(at), exp=int(time.time() * 1_000) + 60_000)
    with client(simulator) as api:
        page = api.get("/events", params={"limit": 5_000, "cursor": cursor}).json()
    assert [record["id"] for record in page["data"]] == dataset.ids()[at + 1 :]


def test_an_answer_that_nobody_reads_is_not_called_complete(simulator: SimulatorProcess) -> None:
    before = len(simulator.served())
    host, port = simulator.origin.removeprefix("http://").split(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect((host, int(port)))
        connection.sendall(b"GET /api/v1/events?limit=5000 HTTP/1.1\r\nHost: api\r\nX-API-Key: demo-key\r\n\r\n" * 8)
        connection.recv(1_000)
        assert [entry.complete for entry in simulator.served(after=before)][-1] is False
    assert simulator.served(after=before)[-1].complete is False


def test_truncated_body_is_shorter_than_its_content_length() -> None:
    with SimulatorProcess(SimulatorOptions(count=2_000, rate_limit="none", chaos="truncate=1:1")) as process:
        head, body = raw_answer(process).split(b"\r\n\r\n", 1)
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        assert 0 < len(body) < int(lines[b"content-length"])
        entry = process.served()[0]
        assert (entry.chaos, entry.complete, entry.status) == ("truncate", False, 200)
        with client(process) as api:
            assert api.get("/events").status_code == 200  # the bound is reached: the next is whole


def test_reset_closes_without_an_answer() -> None:
    with SimulatorProcess(SimulatorOptions(count=2_000, rate_limit="none", chaos="reset=1:2")) as process:
        with pytest.raises(ConnectionResetError):
            raw_answer(process)
        with client(process) as api:
            with pytest.raises(httpx.ReadError):
                api.get("/events")
            assert api.get("/events").status_code == 200
        assert [(entry.status, entry.complete) for entry in process.served()] == [(0, False), (0, False), (200, True)]


def test_slow_answer_drips_and_is_whole() -> None:
    options = SimulatorOptions(count=2_000, rate_limit="none", chaos="slow=1:1", slow_seconds=0.1)
    with SimulatorProcess(options) as process, client(process) as api:
        began = time.monotonic()
        with api.stream("GET", "/events", params={"limit": 5_000}) as answer:
            pieces = sum(1 for _ in answer.iter_raw())
        assert time.monotonic() - began >= 16 * 0.006
        assert pieces > 3
        (entry,) = process.served()
        assert entry.complete
        assert entry.ended - entry.time >= 16 * 0.006  # sixteen pieces; the loop's timers count whole milliseconds


def test_a_client_that_asks_again_gets_every_event_in_spite_of_all_damage() -> None:
    answers = ",".join(f"{kind}=0.03" for kind in REQUEST_KINDS)
    chaos = f"{answers},missing_id=0.001,duplicate=0.001,bad_timestamp=0.001"
    options = SimulatorOptions(count=COUNT, rate_limit="none", chaos=chaos, chaos_seed=3, slow_seconds=0.02)
    damaged = Chaos(parse_chaos(chaos), 3, COUNT).damaged
    seen: dict[str, None] = {}
    with SimulatorProcess(options) as process, client(process) as api:
        cursor = None
        for _ in range(1_000):
            try:
                answer = api.get("/events", params={"limit": 100, **({"cursor": cursor} if cursor else {})})
                page = answer.raise_for_status().json()
                following = page["pagination"]["nextCursor"]
            except (httpx.HTTPError, ValueError, TypeError, KeyError):
                continue
            for record in page["data"]:
                if "id" in record:
                    seen[record["id"]] = None
            if following is None and page["data"]:
                break
            cursor = following or cursor
        kinds = set(process.stats()["chaos"])
    wanted = [id for index, id in enumerate(Dataset(1, COUNT).ids()) if damaged.get(index) != "missing_id"]
    assert list(seen) == wanted
    assert len(wanted) < COUNT
    assert kinds == set(REQUEST_KINDS)


def test_limit_is_told_over_the_wire() -> None:
    with SimulatorProcess(SimulatorOptions(count=100, rate_limit="2/60")) as process, client(process) as api:
        answers = [api.get("/events") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
        assert process.stats()["byStatus"] == {"200": 2, "429": 1}


def test_stop_ends_the_child_and_may_be_repeated() -> None:
    process = SimulatorProcess(SimulatorOptions(count=10))
    process.start()
    pid = process.pid
    process.stop()
    process.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_child_ends_with_its_owner(tmp_path: Path) -> None:
    owner = (
        "import os, sys; from datasync.simulator import SimulatorProcess, SimulatorOptions\n"
        "process = SimulatorProcess(SimulatorOptions(count=10)); process.start()\n"
        "print(process.pid, flush=True); os._exit(9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run(
        [sys.executable, "-c", owner], env=environment, stdout=subprocess.PIPE, check=False, cwd=tmp_path
    )
    assert told.returncode == 9
    child = int(told.stdout)
    try:
        handle = os.pidfd_open(child)
    except ProcessLookupError:
        return  # it was faster than this test
    try:
        assert select.select([handle], [], [], 5)[0], "the child outlived its owner"
    finally:
        os.close(handle)


def test_start_that_fails_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = SimulatorProcess(SimulatorOptions(count=1, port=taken.getsockname()[1]))
        with pytest.raises(RuntimeError, match="ended with 1 before it was ready"):
            process.start()
