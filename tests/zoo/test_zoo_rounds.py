"""A finished endpoint is read on: the next run asks for what is newer, or ends where everything is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

import datasync
from datasync.config import Secret
from datasync.config.spec import Api, ColumnSpec, Config, EndpointSpec, Incremental, PostgresTo, Table
from datasync.simulator.zoo import ZooProcess
from datasync.simulator.zoo.data import GROWTH
from tests.scripted import Answer, Asked, Server
from tests.support import Database, environment, finish, start
from tests.zoo.configs import path_of

NEWEST = "2024-03-10T12:34:56.789Z"
RECORDS = [{"id": "b", "at": NEWEST}, {"id": "a", "at": "2024-03-02T00:00:00Z"}]


@contextmanager
def listing() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """An API of one page on loopback: its address, and the parameters of each request so far."""
    asked: list[dict[str, str]] = []

    def answer(request: Asked) -> Answer:
        asked.append(request.query)
        return 200, {"Content-Type": "application/json"}, msgspec.json.encode(RECORDS)

    with Server(answer) as server:
        yield server.origin, asked


def read_rounds(database: Database, incremental: Incremental, *, runs: int = 2) -> list[dict[str, str]]:
    """The parameters that so many runs asked with, one request each."""
    columns = ColumnSpec(name="id", key=True), ColumnSpec(name="at", type="timestamptz")
    endpoint = EndpointSpec(name="things", path="/things", incremental=incremental, table=Table(columns=columns))
    with listing() as (url, asked):
        sink = PostgresTo(url=Secret(database.dsn, source="test"))
        config = Config(api=Api(base_url=url), sink=sink, endpoints=(endpoint,))
        for _ in range(runs):
            (outcome,) = datasync.ingest(config)
            assert outcome.error is None
    assert database.value("SELECT count(*) FROM things") == len(RECORDS)
    return asked


@pytest.mark.parametrize(
    ("form", "first", "second"),
    [
        ("iso", "2024-03-01T06:00:00Z", "2024-03-10T11:04:56.789Z"),
        ("s", "1709272800", "1710068696"),
        ("ms", "1709272800000", "1710068696789"),
        ("date", "2024-03-01", "2024-03-10"),
    ],
)
def test_the_first_run_asks_from_the_start_and_the_next_from_the_newest_less_the_lookback(
    database: Database, form: Any, first: str, second: str
) -> None:
    incremental = Incremental(column="at", param="since", format=form, start="2024-03-01T06:00:00Z", lookback="1h30m")
    assert read_rounds(database, incremental, runs=3) == [{"since": first}, {"since": second}, {"since": second}]


def test_without_a_start_the_first_run_asks_for_all(database: Database) -> None:
    assert read_rounds(database, Incremental(column="at", param="since")) == [{}, {"since": NEWEST}]


def test_a_newest_first_round_ends_where_everything_is_known(zoo: ZooProcess, database: Database, workdir: Any) -> None:
    text = path_of("newest_first").read_text()
    told = text.replace('param = "since"', "until_known = 2").replace("size = 50", "size = 2")
    assert told.count("until_known") == 1
    file = workdir / "rounds.toml"
    file.write_text(told)
    shell = environment(database.dsn, "")
    del shell["API_BASE_URL"], shell["API_KEY"]

    def pages() -> int:
        before = len(zoo.served())
        run = finish(start(["ingest", "--config", str(file)], shell | zoo.environment()))
        assert run.code == 0, run.stderr
        return len(zoo.served(before))

    whole = pages()
    assert whole >= 120
    # What changed while the first run read is on the first pages of the second. A round ends after the commit that
    # proves it, so as many pages more are on their way by then as a commit takes, on a busy machine many.
    counts = [pages() for _ in range(2)]
    assert all(2 <= count < whole for count in counts), (whole, counts)
    assert database.value("SELECT array_agg(id ORDER BY id) FROM zoo_newest_first") == zoo.data.ids("feed")
    newest = database.value("SELECT max(data->>'updated_at') FROM zoo_newest_first")
    assert newest == zoo.data.feed(GROWTH)[0]["updated_at"]
