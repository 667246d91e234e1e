"""What an API does by the way, and what must not pass for the end of its list."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

import datasync
from datasync.config import Secret
from datasync.config.overrides import Overrides
from datasync.config.spec import (
    Api,
    ColumnSpec,
    CursorPaging,
    EndpointSpec,
    Incremental,
    JsonlTo,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    Parent,
    PostgresTo,
    SinkSpec,
    Table,
)
from datasync.errors import EndpointsFailed
from tests.scripted import Answer, Asked, Server
from tests.support import Database

CHAIN = CursorPaging(next="next", expired=("EXPIRED",))
EXPIRED: Answer = 410, {}, b'{"error":{"code":"EXPIRED"}}'
BUSY = b'{"error":"overloaded"}'


def answer(body: object, **headers: str) -> Answer:
    return 200, headers, body if isinstance(body, bytes) else json.dumps(body).encode()


def records(*numbers: int, day: int = 1) -> list[dict[str, Any]]:
    return [{"id": n, "at": f"2024-01-{day:02}T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z"} for n in numbers]


def spec(paging: Paging, **more: Any) -> EndpointSpec:
    columns = (ColumnSpec(name="id", type="bigint", key=True), ColumnSpec(name="at", type="timestamptz"))
    fields = {"name": "things", "path": "/things", "records": "data", "table": Table(columns=columns), **more}
    return EndpointSpec(paging=paging, **fields)


def ingest(server: Server, sink: SinkSpec, *endpoints: EndpointSpec, restart: bool = False) -> int:
    """The rows that were stored."""
    config = datasync.Config(api=Api(base_url=server.origin, retry_for="5s"), sink=sink, endpoints=endpoints)
    outcomes = datasync.ingest(config, overrides=Overrides(restart=restart))
    for error in (outcome.error for outcome in outcomes if outcome.error):
        raise error
    return sum(outcome.stats.rows for outcome in outcomes)


def once(expires: set[str], cursor: str | None) -> bool:
    """Whether this cursor expires, for the first time."""
    if cursor not in expires:
        return False
    expires.remove(cursor)
    return True


class Newest:
    """A list with the newest record first, ten a page."""

    def __init__(self, shown: int, *expires: str) -> None:
        self.shown = shown
        self.expires = set(expires)

    def __call__(self, asked: Asked) -> Answer:
        cursor = asked.query.get("cursor")
        if once(self.expires, cursor):
            return EXPIRED
        behind = int(cursor or 0)
        top = self.shown - behind
        following = None if top <= 10 else str(behind + 10)
        return answer({"data": records(*range(top - 1, max(-1, top - 11), -1)), "next": following})


def test_a_round_that_begins_anew_is_not_ended_by_what_it_has_stored_itself(workdir: Path) -> None:
    told = spec(CHAIN, incremental=Incremental(column="at", until_known=2))
    sink, api = JsonlTo(folder=str(workdir)), Newest(100, "50")
    with Server(api) as server:
        assert ingest(server, sink, told) == 100, "by the first round"
        api.shown, api.expires = 200, {"60"}
        assert ingest(server, sink, told) == 100, "by the next one"
        api.shown = 210
        assert ingest(server, sink, told) == 10


def test_a_restart_of_a_newest_first_list_reads_all_of_it(workdir: Path) -> None:
    told = spec(CHAIN, incremental=Incremental(column="at", until_known=2))
    sink, api = JsonlTo(folder=str(workdir)), Newest(50)
    with Server(api) as server:
        assert ingest(server, sink, told) == 50
        (workdir / "things.jsonl").unlink()
        (workdir / "things.datasync" / "state.sqlite").unlink()
        assert ingest(server, sink, told, restart=True) == 50


def test_a_moment_of_the_future_ends_no_later_round(workdir: Path) -> None:
    told = spec(CHAIN, incremental=Incremental(column="at", param="since"))
    data = [*records(1, 2), {"id": 3, "at": "2099-01-01T00:00:00Z"}]
    asked_since: list[str] = []

    def script(asked: Asked) -> Answer:
        since = asked.query.get("since", "")
        asked_since.append(since)
        return answer({"data": [one for one in data if one["at"] >= since or len(data) == 3], "next": None})

    with Server(script) as server:
        sink = JsonlTo(folder=str(workdir))
        assert ingest(server, sink, told) == 3
        data.append({"id": 4, "at": "2098-01-01T00:00:00Z"})
        assert ingest(server, sink, told) == 1
    assert asked_since[1] < "2098"


@pytest.mark.parametrize("bad", [b"upstream request timeout", BUSY])
def test_a_message_is_no_csv_without_rows(workdir: Path, bad: bytes) -> None:
    told = spec(OffsetPaging(size=5), format="csv", records="")
    spoilt = {"5"}

    def script(asked: Asked) -> Answer:
        offset = asked.query["offset"]
        if once(spoilt, offset):
            return answer(bad)
        lines = [f"{one['id']},{one['at']}" for one in records(*range(int(offset), min(int(offset) + 5, 12)))]
        return answer("\n".join(["id,at", *lines]).encode())

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), told) == 12
    assert not spoilt


def test_a_message_has_no_records_by_any_jsonpath(workdir: Path) -> None:
    told = spec(PageNumberPaging(size=5), records="$.list[?@.id]")
    spoilt = {"2"}

    def script(asked: Asked) -> Answer:
        page = asked.query["page"]
        if once(spoilt, page):
            return answer(BUSY)
        begin = int(page) * 5 - 5
        return answer({"list": records(*range(begin, min(begin + 5, 12)))})

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), told) == 12
    assert not spoilt


@pytest.mark.parametrize("paging", [OffsetPaging(size=5), PageNumberPaging(size=5), OffsetPaging(total="total")])
def test_pages_without_a_record_that_is_chosen_are_no_end(workdir: Path, paging: Paging) -> None:
    told = spec(paging, records="$.list[?@.kind == 'a']")
    data = [{**one, "kind": "b" if 10 <= one["id"] < 40 else "a"} for one in records(*range(52))]

    def script(asked: Asked) -> Answer:
        begin = int(asked.query["offset"]) if "offset" in asked.query else int(asked.query["page"]) * 5 - 5
        return answer({"list": data[begin : begin + 5], "total": len(data)})

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), told) == 22


def test_a_total_that_is_less_than_what_came_is_none(workdir: Path) -> None:
    def script(asked: Asked) -> Answer:
        begin = int(asked.query["offset"])
        return answer({"data": records(*range(begin, min(begin + 5, 12))), "total": 0})

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), spec(OffsetPaging(size=5, total="total"))) == 12


def test_a_short_page_of_which_nothing_is_a_record_is_not_the_end(workdir: Path) -> None:
    spoilt = {"2"}

    def script(asked: Asked) -> Answer:
        page = asked.query["page"]
        begin = int(page) * 5 - 5
        return answer(
            BUSY if once(spoilt, page) else b"\n".join(map(msgspec.json.encode, records(*range(12)[begin : begin + 5])))
        )

    with Server(script) as server:
        told = spec(PageNumberPaging(size=5), records="", format="ndjson")
        assert ingest(server, JsonlTo(folder=str(workdir)), told) == 7, "5 are lost to a page that was no page"
    assert len((workdir / "things.quarantine.jsonl").read_text().splitlines()) == 1


def test_rows_that_look_alike_are_no_page_that_came_again(workdir: Path) -> None:
    def script(asked: Asked) -> Answer:
        begin = int(asked.query["offset"])
        return answer({"data": [{"n": n, "level": "info"} for n in range(begin, min(begin + 5, 22))]})

    table = Table(mode="append", columns=(ColumnSpec(name="level"),))
    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), spec(OffsetPaging(size=5), table=table)) == 22


class Parents:
    """Three parents, and for each a list of thirty, ten a page."""

    def __init__(self, *expires: str, fresh: bool = False, never: str = "") -> None:
        self.expires = set(expires)
        self.never = never
        self.fresh = fresh
        self.asked = 0

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/parents":
            return answer({"data": records(1, 2, 3), "next": None})
        self.asked += 1
        cursor = asked.query.get("cursor", "")
        begin = int(cursor.partition("-")[0] or 0)
        parent = int(asked.path.split("/")[2])
        place = f"{parent}:{begin}"
        if place == self.never or once(self.expires, place):
            return EXPIRED
        mark = f"-{self.asked}" if self.fresh else ""
        following = None if begin == 20 else f"{begin + 10}{mark}"
        return answer({"data": records(*range(parent * 100 + begin, parent * 100 + begin + 10)), "next": following})

    def run(self, database: Database, *, gone: str = "fail") -> int:
        parents = spec(CursorPaging(next="next"), name="parents", path="/parents")
        parent = Parent(endpoint="parents", gone=gone)  # type: ignore[arg-type]  # one of its words
        children = spec(CHAIN, name="children", path="/parents/{id}/children", parent=parent)
        with Server(self) as server:
            ingest(server, PostgresTo(url=Secret(database.dsn)), parents, children)
        return int(database.value("SELECT count(*) FROM children"))


@pytest.mark.parametrize("fresh", [False, True])
def test_a_parent_whose_cursor_expires_is_read_again_and_no_circle(database: Database, fresh: bool) -> None:
    assert Parents("1:10", "2:20", "3:10", fresh=fresh).run(database) == 90


def test_an_expired_cursor_is_no_parent_that_is_gone(database: Database) -> None:
    assert Parents("2:10").run(database, gone="skip") == 90


@pytest.mark.parametrize("fresh", [False, True])
def test_a_parent_that_gets_no_further_ends_the_run(database: Database, fresh: bool) -> None:
    api = Parents(never="2:20", fresh=fresh)
    with pytest.raises(EndpointsFailed):
        api.run(database)
    assert api.asked < 30
