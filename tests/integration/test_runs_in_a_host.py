"""What runs leave of the process that they are started in: its signals, its threads, its log."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

import datasync
from datasync import app
from datasync.config.compile import runs
from datasync.config.schema import ShutdownSettings
from datasync.config.spec import Api, ColumnSpec, Config, EndpointSpec, JsonlTo, PageNumberPaging, Table
from datasync.errors import Interrupted
from datasync.plugins import Plugins
from tests.scripted import Answer, Asked, Server

SIZE = 2


class Host:
    """An API whose lists of two pages wait at the second, where `held` says so."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.reached = threading.Event()
        self.held: tuple[str, ...] = ()
        self.meanwhile: Callable[[], None] = lambda: None

    def answer(self, asked: Asked) -> Answer:
        page = int(asked.query["page"])
        if page == 2 and asked.path.strip("/") in self.held:
            self.reached.set()
            self.meanwhile()
            self.let_go.wait(60)
        ids = [{"id": f"{asked.path}-{page}-{one}"} for one in range(SIZE if page < 3 else 0)]
        return 200, {}, json.dumps(ids).encode()


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.let_go.set()


@pytest.fixture
def origin(host: Host) -> Iterator[str]:
    with Server(host.answer) as server:
        yield server.origin
        host.let_go.set()


def config(origin: str, folder: Path, *names: str, transforms: Sequence[str] = ()) -> Config:
    table = Table(columns=(ColumnSpec(name="id", key=True, required=True),))
    endpoints = tuple(
        EndpointSpec(
            name=name,
            path=f"/{name}",
            paging=PageNumberPaging(size=SIZE, short=False),
            table=table,
            transforms=tuple(transforms),
        )
        for name in names
    )
    return Config(api=Api(base_url=origin), sink=JsonlTo(folder=str(folder)), endpoints=endpoints)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("encode", "sink", "watchdog"))]


@pytest.mark.fault(58)
def test_a_signal_while_the_second_endpoint_hangs_ends_the_run_after_the_grace_time(
    host: Host, origin: str, workdir: Path
) -> None:
    host.held = ("slow",)
    host.meanwhile = lambda: os.kill(os.getpid(), signal.SIGTERM)
    shutdown = ShutdownSettings(in_flight=0.1, total=60.0)
    settings = [
        msgspec.structs.replace(one, shutdown=shutdown) for one in runs(config(origin, workdir, "quick", "slow"))
    ]
    with capture_logs() as logs, pytest.raises(Interrupted):
        asyncio.run(app.ingest_all(settings, Plugins(entry_points=False)))
    assert not host.let_go.is_set()
    assert [line for line in logs if line["log_level"] == "error"] == []
    assert len((workdir / "quick.jsonl").read_text().splitlines()) == 2 * SIZE
    assert len((workdir / "slow.jsonl").read_text().splitlines()) == SIZE


def test_a_run_in_another_thread_does_all_but_obey_signals(origin: str, workdir: Path) -> None:
    async def main() -> list[int]:
        outcomes = await asyncio.to_thread(datasync.ingest, config(origin, workdir, "quick"))
        return [outcome.stats.rows for outcome in outcomes]

    assert asyncio.run(main()) == [2 * SIZE]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_runs_that_overlap_leave_the_hosts_signals_as_they_were(
    host: Host, origin: str, workdir: Path, order: tuple[int, int]
) -> None:
    host.held = ("one", "two")
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    async def main() -> None:
        before = [signal.getsignal(number) for number in numbers]
        tasks = []
        for name in host.held:
            host.reached.clear()
            tasks.append(asyncio.create_task(datasync.ingest_async(config(origin, workdir, name))))
            await asyncio.to_thread(host.reached.wait, 60)
        for number in order:
            assert signal.getsignal(signal.SIGTERM) is not before[1], "one of them listens still"
            tasks[number].cancel()
            await asyncio.gather(tasks[number], return_exceptions=True)
        assert [signal.getsignal(number) for number in numbers] == before

    asyncio.run(main())


def test_a_run_that_is_cancelled_leaves_no_thread(host: Host, origin: str, workdir: Path) -> None:
    host.held = ("slow",)

    async def main() -> None:
        task = asyncio.create_task(datasync.ingest_async(config(origin, workdir, "slow")))
        await asyncio.to_thread(host.reached.wait, 60)
        assert any(name.startswith("encode") for name in threads())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread.name.startswith(("encode", "sink", "watchdog")):
            thread.join(60)
    assert threads() == []
