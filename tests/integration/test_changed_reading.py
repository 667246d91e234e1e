"""A checkpoint is used by a run that reads as the one before did, and by no other: its place would be elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datasync.config import Secret
from datasync.config.spec import (
    Child,
    ColumnSpec,
    CursorPaging,
    DuckDbTo,
    EndpointSpec,
    Incremental,
    JsonlTo,
    OffsetPaging,
    PageNumberPaging,
    PostgresTo,
    SinkSpec,
)
from datasync.errors import ConfigError, DatasyncError
from tests.scripted import Asked, Server
from tests.sloppy import answer, ingest, records, spec
from tests.support import Database

ALL = 40
BEGUN = spec(OffsetPaging(size=10))


class Api:
    """Gives records by offset, or by page, and fails while it is told to."""

    def __init__(self) -> None:
        self.left = 2

    def __call__(self, asked: Asked) -> Any:
        if self.left == 0:
            return 404, {}, b""  # which ends a run at once
        self.left -= 1
        size = int(asked.query.get("limit", asked.query.get("per_page", "10")))
        page = int(asked.query.get("page", "1")) - 1
        first = int(asked.query.get("offset", page * size))
        return answer({"data": records(*range(first, min(ALL, first + size)))})


def sinks(database: Database, folder: Path) -> list[SinkSpec]:
    url = Secret(database.dsn, source="test")
    return [PostgresTo(url=url), JsonlTo(folder=str(folder)), DuckDbTo(path=str(folder / "x.duckdb"))]


def half_way(api: Api, server: Server, sink: SinkSpec, begun: EndpointSpec) -> None:
    """Have a run fail after two pages, and the API be whole again."""
    with pytest.raises(DatasyncError):
        ingest(server, sink, begun)
    api.left = -1


def change(**more: Any) -> Callable[[EndpointSpec], EndpointSpec]:
    return lambda one: msgspec.structs.replace(one, **more)


def table(**more: Any) -> Callable[[EndpointSpec], EndpointSpec]:
    return lambda one: msgspec.structs.replace(one, table=msgspec.structs.replace(one.table, **more))


@pytest.mark.parametrize(
    ("begun", "changed", "part"),
    [
        (BEGUN, change(paging=PageNumberPaging(size=10)), "paging"),
        (spec(PageNumberPaging(size=10)), change(paging=PageNumberPaging(size=20)), "paging"),
        (BEGUN, change(paging=CursorPaging(next="next")), "paging"),
        (BEGUN, change(path="/others"), "path"),
        (BEGUN, table(mode="append"), "mode"),
    ],
)
@pytest.mark.parametrize("kind", range(3))
def test_a_stream_half_way_is_read_on_as_it_was_begun_or_not_at_all(
    database: Database,
    workdir: Path,
    kind: int,
    begun: EndpointSpec,
    changed: Callable[[EndpointSpec], EndpointSpec],
    part: str,
) -> None:
    api = Api()
    sink = sinks(database, workdir)[kind]
    with Server(api) as server:
        half_way(api, server, sink, begun)
        with pytest.raises(ConfigError) as refused:
            ingest(server, sink, changed(begun))
        assert part in str(refused.value)
        assert refused.value.hint
        assert ingest(server, sink, begun) == ALL - 20


def test_lists_that_come_half_way_would_lack_the_elements_of_what_is_stored(database: Database, workdir: Path) -> None:
    api = Api()
    sink = sinks(database, workdir)[0]
    with Server(api) as server:
        half_way(api, server, sink, BEGUN)
        with pytest.raises(ConfigError, match="lists"):
            ingest(server, sink, table(children=(Child(table="things_items", path="items"),))(BEGUN))


@pytest.mark.parametrize("harmless", [change(paging=OffsetPaging(size=5)), change(params={"expand": "items"})])
def test_what_moves_no_place_may_change(
    database: Database, workdir: Path, harmless: Callable[[EndpointSpec], EndpointSpec]
) -> None:
    api = Api()
    sink = sinks(database, workdir)[0]
    with Server(api) as server:
        half_way(api, server, sink, BEGUN)
        assert ingest(server, sink, harmless(BEGUN)) == ALL - 20


def test_the_next_round_asks_by_the_column_that_the_last_one_read(database: Database, workdir: Path) -> None:
    sink = sinks(database, workdir)[0]
    api = Api()
    api.left = -1
    begun = msgspec.structs.replace(BEGUN, incremental=Incremental(column="at", param="since"))
    columns = (*(begun.table.columns or ()), ColumnSpec(name="also", path="at", type="timestamptz"))
    begun = table(columns=columns)(begun)
    with Server(api) as server:
        ingest(server, sink, begun)
        with pytest.raises(ConfigError, match=r"incremental\.column"):
            ingest(server, sink, change(incremental=Incremental(column="also", param="since"))(begun))
        ingest(server, sink, change(paging=PageNumberPaging(size=20))(begun))


def test_a_restart_may_change_everything(database: Database, workdir: Path) -> None:
    api = Api()
    sink = sinks(database, workdir)[0]
    with Server(api) as server:
        half_way(api, server, sink, BEGUN)
        changed = change(paging=PageNumberPaging(size=20), path="/others")(BEGUN)
        assert ingest(server, sink, changed, restart=True) == ALL - 20
        with pytest.raises(ConfigError, match="path"):
            ingest(server, sink, BEGUN)


def test_what_an_older_version_left_is_gone_on_with(database: Database, workdir: Path) -> None:
    api = Api()
    sink = sinks(database, workdir)[0]
    with Server(api) as server:
        half_way(api, server, sink, BEGUN)
        database.execute("ALTER TABLE cursor_state DROP COLUMN reading; DELETE FROM datasync_schema WHERE version = 7")
        assert ingest(server, sink, BEGUN) == ALL - 20
