"""`datasync.ingest`: the same run from Python, with the same structs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import datasync
from datasync.config import Secret
from datasync.config.spec import (
    Api,
    ColumnSpec,
    CursorPaging,
    EndpointSpec,
    HeaderKey,
    JsonlTo,
    PostgresTo,
    SinkSpec,
    Table,
)
from datasync.errors import ConfigError, EndpointsFailed
from datasync.simulator.zoo import ZooProcess
from tests.support import Database


@pytest.fixture(scope="module")
def zoo() -> Iterator[ZooProcess]:
    with ZooProcess() as zoo:
        yield zoo


def cursor(name: str = "items", path: str = "/items") -> EndpointSpec:
    return EndpointSpec(
        name=name,
        path=path,
        records="items",
        paging=CursorPaging(next="page.next", has_more="page.has_more", total="page.total", size=50),
        table=Table(name=f"api_{name}", columns=(ColumnSpec(name="id", key=True),)),
    )


def config(zoo: ZooProcess, sink: SinkSpec, *endpoints: EndpointSpec) -> datasync.Config:
    key = Secret(zoo.environment()["ZOO_KEY"])
    api = Api(base_url=f"{zoo.origin}/cursor", auth=HeaderKey(key=key))
    return datasync.Config(api=api, sink=sink, endpoints=endpoints)


def test_structs_are_ingested_as_a_file_would_be(zoo: ZooProcess, database: Database) -> None:
    outcomes = datasync.ingest(config(zoo, PostgresTo(url=Secret(database.dsn)), cursor()))
    assert [(outcome.name, outcome.stats.rows, outcome.error) for outcome in outcomes] == [
        ("items", len(zoo.data.items), None)
    ]
    assert database.value("SELECT count(*) FROM api_items") == len(zoo.data.items)


def test_it_is_awaited_where_a_loop_runs_already(zoo: ZooProcess, workdir: Path) -> None:
    wanted = config(zoo, JsonlTo(folder=str(workdir)), cursor())

    async def main() -> int:
        with pytest.raises(ConfigError, match="running already"):
            datasync.ingest(wanted)
        (outcome,) = await datasync.ingest_async(wanted)
        return outcome.stats.rows

    assert asyncio.run(main()) == len(zoo.data.items)
    assert len((workdir / "api_items.jsonl").read_text().splitlines()) == len(zoo.data.items)


def test_an_endpoint_that_fails_leaves_the_others_complete(zoo: ZooProcess, database: Database) -> None:
    wanted = config(zoo, PostgresTo(url=Secret(database.dsn)), cursor("wrong", "/nowhere"), cursor())
    with pytest.raises(EndpointsFailed, match="1 of 2 endpoints are not complete: `wrong`"):
        datasync.ingest(wanted)
    assert database.value("SELECT count(*) FROM api_items") == len(zoo.data.items)


def test_a_plugin_that_fails_fails_its_own_endpoint(zoo: ZooProcess, database: Database, workdir: Path) -> None:
    plugin = workdir / "bad.py"
    plugin.write_text(
        "import datasync\n\n@datasync.hookimpl\ndef register_endpoints(register):\n"
        "    register('bad', lambda settings: 1 / 0)\n"
    )
    wanted = config(zoo, PostgresTo(url=Secret(database.dsn)), EndpointSpec(name="bad", use="bad"), cursor())
    with pytest.raises(EndpointsFailed, match="`bad`"):
        datasync.ingest(wanted, plugins=[plugin])
    assert database.value("SELECT count(*) FROM api_items") == len(zoo.data.items)
