"""What plugin authors test with: fixtures, and checks that find what is wrong."""

import asyncio
import os
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from datasync.config.spec import JsonlTo
from datasync.endpoints.base import BodyTells, ByReread
from datasync.errors import SourceError
from datasync.http.retry import check_status
from datasync.http.transport import Answer
from datasync.model import Batch, Chunk, Column, Committed, EncoderPlan, PartitionState, Position, Request
from datasync.sinks.jsonl.sink import JsonlSink
from datasync.sinks.postgres.sink import PostgresSink
from datasync.testing.checks import check_endpoint, check_sink, check_transform, example_settings, recorded
from tests.packages import EXAMPLES, SOURCES
from tests.support import Database

pytest_plugins = ["pytester"]


class Pages(BodyTells):
    """A sound endpoint."""

    name = "pages"
    plan = EncoderPlan(
        "items", (Column("id", "id", "text", required=True, key=True),), next_cursor="next", has_more="more"
    )
    cursor_ttl = None
    auth = httpx.Auth()
    reseek = ByReread()

    def request(self, cursor: str | None) -> Request:
        return Request("/items", {} if cursor is None else {"cursor": cursor})

    def check(self, answer: Answer) -> None:
        check_status(answer, where="GET /items", key_source="test")

    def position(self, chunk: Chunk) -> Position | None:
        return {"id": chunk.last_key} if chunk.last_key else None


def page(*ids: str, following: str | None) -> dict[str, Any]:
    return {"items": [{"id": key} for key in ids], "next": following, "more": following is not None}


FEED = [page("a", "b", following="1"), page("c", following="2"), page(following=None)]


def test_a_sound_endpoint_passes_and_what_it_did_is_told() -> None:
    driven = check_endpoint(Pages(), FEED)
    assert [row[0] for row in driven.rows] == ["a", "b", "c"]
    assert [request.params for request in driven.requests] == [{}, {"cursor": "1"}, {"cursor": "2"}]


class Counting(Pages):
    """Forgets its place with the process."""

    count = 0

    def request(self, cursor: str | None) -> Request:
        self.count += cursor is not None
        return Request("/items", {"page": self.count})


def member(name: str, value: object) -> Pages:
    return type("Mine", (Pages,), {name: value})()  # type: ignore[no-any-return]


class Tuple(Pages):
    def position(self, chunk: Chunk) -> Position | None:
        return {"id": (chunk.last_key, 1)}  # type: ignore[dict-item]  # the mistake


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (object, "`request` is missing"),
        (lambda: member("check", lambda _self, _answer: None), "`check` takes status 401 for a page"),
        (lambda: member("request", lambda *_: Request("/items", {})), "asked for by the same request"),
        (lambda: member("request", lambda *_: "/items"), r"`request\(None\)` gives a str"),
        (Counting, "a run that goes on from '2' asks for something else"),
        (
            lambda: member("turn", lambda _self, chunk, *_: msgspec.structs.replace(chunk, has_more=True)),
            "page 2 is the last",
        ),
        (
            lambda: member("turn", lambda _self, chunk, *_: msgspec.structs.replace(chunk, has_more=False)),
            "page 0 is taken",
        ),
        (
            lambda: member("turn", lambda _self, chunk, *_: msgspec.structs.replace(chunk, next_cursor="")),
            "no cursor leads on",
        ),
        (lambda: member("following", lambda *_: "another"), "`following` gives 'another'"),
        (Tuple, "comes back from JSON as|can't be kept as JSON"),
        (
            lambda: member(
                "plan", EncoderPlan("items", (Column("n", "n", "bigint", required=True, key=True),), "next", "more")
            ),
            "2 records would go to quarantine: record 0: required_missing",
        ),
    ],
)
def test_an_endpoint_that_breaks_its_contract_is_found_out(endpoint: Callable[[], Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_endpoint(endpoint(), FEED)


def test_a_record_that_comes_twice_is_found_out() -> None:
    with pytest.raises(AssertionError, match="records come twice: id a"):
        check_endpoint(Pages(), [page("a", following="1"), page("a", following=None)])


def test_a_status_that_means_something_else_is_found_out() -> None:
    def check(_self: object, answer: Answer) -> None:
        if answer.status != 200:
            raise SourceError("no page")

    with pytest.raises(AssertionError, match="status 429 for SourceError, not RateLimited"):
        check_endpoint(member("check", check), FEED)


def test_a_transform_sees_what_it_sees_in_a_run() -> None:
    seen: list[Any] = []

    def look(record: dict[str, Any]) -> dict[str, Any]:
        seen.append(record)
        return record | {"more": Decimal("0.10")}

    assert check_transform(look, '{"price": 0.1, "n": 18446744073709551616}') == {
        "price": Decimal("0.1"),
        "n": 2**64,
        "more": Decimal("0.10"),
    }
    assert seen[0]["price"] == Decimal("0.1")
    assert check_transform(lambda _: None, {"id": "a"}) is None


def test_a_transform_that_gives_no_record_is_found_out() -> None:
    with pytest.raises(AssertionError, match="gave a str"):
        check_transform(lambda _: "text", {})  # type: ignore[arg-type, return-value]  # the mistake
    with pytest.raises(AssertionError, match="can't be encoded"):
        check_transform(lambda _: {"a": object()}, {})
    with pytest.raises(AssertionError, match="instead of one record"):
        check_transform(lambda: None, {})  # type: ignore[arg-type, misc]  # the mistake


def test_the_postgres_sink_keeps_the_contract_of_sinks(database: Database) -> None:
    check_sink(PostgresSink, example_settings(database_url=database.dsn))


def test_a_result_that_no_run_could_store_is_found_out() -> None:
    with pytest.raises(AssertionError, match="would go to quarantine: nul_character"):
        check_transform(lambda record: record | {"name": "\0"}, {"id": "a"})


def test_a_feed_without_a_page_is_found_out() -> None:
    with pytest.raises(AssertionError, match="there is no page"):
        check_endpoint(Pages(), [])


def test_a_sink_that_writes_here_leaves_nothing_and_can_be_checked_again(workdir: Path) -> None:
    for _ in range(2):
        check_sink(JsonlSink, example_settings())
    assert list(workdir.iterdir()) == []


def test_a_place_that_is_not_new_is_named_as_the_likely_cause(workdir: Path) -> None:
    settings = example_settings(to=JsonlTo(folder=str(workdir)))
    check_sink(JsonlSink, settings)
    with pytest.raises(AssertionError, match="is something of an earlier check there"):
        check_sink(JsonlSink, settings)


class NoState(PostgresSink):
    async def connect(self) -> tuple[PartitionState, ...]:
        await super().connect()
        return None  # type: ignore[return-value]  # the mistake


class NoCounts(PostgresSink):
    async def commit(self, batch: Batch) -> Committed:
        await super().commit(batch)
        return None  # type: ignore[return-value]  # the mistake


class NoWriter(PostgresSink):
    writers = 0


class Forgets(PostgresSink):
    async def connect(self) -> tuple[PartitionState, ...]:
        await super().connect()
        return (PartitionState(),)


class LosesRejects(PostgresSink):
    async def commit(self, batch: Batch) -> Committed:
        return msgspec.structs.replace(await super().commit(batch), quarantined=0)


class NotAsync(PostgresSink):
    def close(self) -> None:  # type: ignore[override]  # the mistake
        asyncio.get_running_loop()


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        (Forgets, "before batch 2 `connect`"),
        (LosesRejects, "batch 1: `quarantined` is 0"),
        (NotAsync, "`close` is not async"),
        (NoState, "`connect` gives None, not a tuple"),
        (NoCounts, "`commit` gives None, not a Committed"),
        (NoWriter, "`writers` gives 0, not a number of 1 or more"),
    ],
)
def test_a_sink_that_breaks_its_contract_is_found_out(sink: Any, said: str, database: Database) -> None:
    with pytest.raises(AssertionError, match=said):
        check_sink(sink, example_settings(database_url=database.dsn))


@pytest.mark.parametrize("body", [b"[1]", "[1]", [1]])
def test_an_answer_is_recorded_from_bytes_text_or_what_json_is_made_of(body: object) -> None:
    assert recorded(body, headers={"X-A": "b"}).body == b"[1]"
    assert recorded(body, headers={"X-A": "b"}).headers == {"x-a": "b"}


FIXTURES = """
import asyncio
import asyncpg
import httpx
import pytest

async def tables(dsn):
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE once ()")
    await connection.close()

@pytest.mark.parametrize("time", [1, 2])
def test_each_test_has_a_database_of_its_own(datasync_database, time):
    asyncio.run(tables(datasync_database))

def test_the_api_answers(datasync_api):
    key = {"X-API-Key": datasync_api.options.api_key}
    answer = httpx.get(datasync_api.base_url + "/events", headers=key, trust_env=False)
    assert answer.json()["meta"]["total"] == 1000
"""


@pytest.fixture
def outside(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Pytest in a folder of somebody's."""
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    warnings = "filterwarnings = error"
    pytester.makeini(f"[pytest]\n{warnings}\naddopts = -p no:cacheprovider -p no:benchmark -p no:xdist")
    pytester.makeconftest('pytest_plugins = ["datasync.testing.plugin"]')
    return pytester


def test_the_fixtures_give_a_database_and_an_api(outside: pytest.Pytester) -> None:
    outside.makepyfile(FIXTURES)
    outside.runpytest_subprocess().assert_outcomes(passed=3)


def test_a_fixture_whose_libraries_are_missing_says_how_to_install_them(outside: pytest.Pytester) -> None:
    outside.makepyfile("import sys\n\nsys.modules['uvicorn'] = None\n\ndef test_api(datasync_api): pass")
    result = outside.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the simulated API needs uvicorn*", "*pip install 'datasync[[]demo]'*"])


@pytest.mark.parametrize("example", ["datasync-ledger", "datasync-mask-user"])
def test_the_tests_of_an_example_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, example: str) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES / example / "src"), str(SOURCES)]))
    folder = EXAMPLES / example
    arguments = ("-p", "no:cacheprovider", "-W", "error", "-c", folder / "pyproject.toml", folder / "tests")
    result = pytester.run(sys.executable, "-m", "pytest", *map(str, arguments))
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] >= 3
