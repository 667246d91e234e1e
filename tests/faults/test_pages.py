"""Pages that are wrong in themselves: nothing is lost, nothing twice, and no run calls itself complete that isn't."""

import json
import random

import pytest

from datasync.config.schema import HttpSettings, LimitSettings
from datasync.errors import ContractChanged, PageRepeated, ServerError, SourceError
from datasync.http import pace
from tests.faults.here import AT_ONCE, ingest_here
from tests.scripted import Answer, ScriptedApi, page
from tests.support import Database

pytestmark = pytest.mark.usefixtures("workdir")

LAST = page(["b"], None, total=2)


def ids(database: Database) -> set[str]:
    return {row[0] for row in database.fetch("SELECT id FROM ingested_events")}


@pytest.mark.fault(7)
@pytest.mark.parametrize("lie", [-10, 10])
def test_a_page_with_a_wrong_length_is_asked_for_again(
    database: Database, lie: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "WINDOW", 0.3)  # a length that is too large is waited for
    lies = [{"Content-Length": str(len(LAST[2]) + lie)}]

    def script(cursor: str | None) -> Answer:
        return page(["a"], "b", total=2) if cursor is None else (200, lies.pop() if lies else {}, LAST[2])

    with ScriptedApi(script) as api:
        stats = ingest_here(database, api.base_url)
    assert (stats.rows, stats.retries) == (2, 1)


@pytest.mark.fault(8)
@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream; charset=utf-16", None])
def test_a_page_is_judged_by_its_bytes_and_may_begin_with_a_byte_order_mark(
    database: Database, kind: str | None
) -> None:
    status, headers, body = page(["a"], None, total=1)
    headers |= {"Content-Type": kind} if kind else {}
    with ScriptedApi(lambda _: (status, headers, b"\xef\xbb\xbf" + body)) as api:
        assert ingest_here(database, api.base_url).rows == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param((200, {}, b'{"error": "try later"}'), "page_damaged", marks=pytest.mark.fault(4)),
        pytest.param((200, {}, LAST[2].decode().encode("utf-16")), "page_damaged", marks=pytest.mark.fault(8)),
        pytest.param((511, {}, b"<html>who are you?"), "contract_changed", marks=pytest.mark.fault(37)),
    ],
)
def test_what_is_no_page_is_taken_for_none_and_the_next_run_goes_on(
    database: Database, fault: Answer, code: str
) -> None:
    answers = {None: page(["a"], "b", total=2), "b": fault}
    with ScriptedApi(lambda cursor: answers[cursor]) as api:
        with pytest.raises(SourceError) as caught:
            ingest_here(database, api.base_url, http=HttpSettings(retry_cap=0.1))
        assert caught.value.code == code
        assert ids(database) == {"a"}
        answers["b"] = LAST
        api.asked.clear()
        ingest_here(database, api.base_url)
        assert api.asked == ["b"]
    assert ids(database) == {"a", "b"}


@pytest.mark.fault(10)
def test_a_page_that_comes_again_and_again_ends_the_run_and_is_stored_once(database: Database) -> None:
    def script(cursor: str | None) -> Answer:
        return page(["b", "a"], "first" if cursor is None else "again", total=9)

    with ScriptedApi(script) as api:
        with pytest.raises(PageRepeated):
            ingest_here(database, api.base_url, http=HttpSettings(retry_cap=0.1))
        assert api.asked.count("first") == 7
    assert ids(database) == {"a", "b"}
    assert not database.value("SELECT complete FROM cursor_state")


@pytest.mark.fault(12)
def test_empty_pages_without_end_end_the_run(database: Database) -> None:
    def script(cursor: str | None) -> Answer:
        return page(["a"], "0", total=9) if cursor is None else page([], str(int(cursor) + 1), total=9)

    with ScriptedApi(script) as api:
        with pytest.raises(ContractChanged, match="4 pages in a row had no records"):
            ingest_here(database, api.base_url)
        assert len(api.asked) <= 1 + 4 + 1
    assert ids(database) == {"a"}
    assert not database.value("SELECT complete FROM cursor_state")


@pytest.mark.fault(16)
def test_pages_may_have_any_size(database: Database) -> None:
    sizes = [5, 50_000, 1, 0, 5000, 0, 0, 3]

    def script(cursor: str | None) -> Answer:
        number = int(cursor or 0)
        names = [f"{number}-{place}" for place in range(sizes[number])]
        return page(names, str(number + 1) if number + 1 < len(sizes) else None, total=sum(sizes))

    with ScriptedApi(script) as api:
        stats = ingest_here(database, api.base_url)
    assert (stats.rows, stats.duplicates, stats.pages) == (sum(sizes), 0, len(sizes))


@pytest.mark.fault(17)
def test_pages_may_overlap_and_be_out_of_order(database: Database) -> None:
    chance = random.Random(5)

    def script(cursor: str | None) -> Answer:
        first = int(cursor or 0)
        names = [str(number) for number in range(first, min(first + 100, 340))]
        chance.shuffle(names)
        return page(names, str(first + 60) if first + 100 < 340 else None, total=340)

    with ScriptedApi(script) as api:
        stats = ingest_here(database, api.base_url)
    assert stats.rows == 340
    assert stats.rows + stats.duplicates == stats.served
    assert ids(database) == {str(number) for number in range(340)}


@pytest.mark.fault(18)
def test_records_deleted_while_they_are_read_take_no_others_along_and_are_missed(database: Database) -> None:
    there = [f"{number:02}" for number in range(30)]

    def script(cursor: str | None) -> Answer:
        found = [key for key in there if cursor is None or key > cursor]
        total = len(there)
        for gone in ("03", "04", "05", "15", "25") if len(there) == 30 else ():
            there.remove(gone)
        return page(found[:10], found[9] if len(found) > 10 else None, total=total)

    with ScriptedApi(script) as api:
        with pytest.raises(ContractChanged, match="2 records are missing") as caught:
            ingest_here(database, api.base_url)
        assert "--restart" in str(caught.value.hint)
        assert ids(database) == {f"{number:02}" for number in range(30)} - {"15", "25"}
        assert ingest_here(database, api.base_url, restart=True).duplicates == len(there)


@pytest.mark.fault(19)
def test_of_two_contents_under_one_id_the_first_stays_and_the_second_is_counted(database: Database) -> None:
    def record(key: str, value: int) -> dict[str, object]:
        return {"id": key, "type": "click", "value": value}

    def answer(records: list[dict[str, object]], cursor: str | None) -> Answer:
        body = {
            "data": records,
            "pagination": {"nextCursor": cursor, "hasMore": cursor is not None},
            "meta": {"total": 2},
        }
        return 200, {}, json.dumps(body).encode()

    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return answer([record("a", 1), record("a", 2)], "next")
        return answer([record("a", 3), record("b", 4)], None)

    with ScriptedApi(script) as api:
        stats = ingest_here(database, api.base_url)
    assert (stats.rows, stats.duplicates) == (2, 2)
    values = {row[0]: row[1] for row in database.fetch("SELECT id, data->>'value' FROM ingested_events")}
    assert values["b"] == "4"
    assert values["a"] in ("1", "2"), "one of the page that came first"


DEEP = b"[" * 100_000 + b"]" * 100_000
STORED = {
    b'{"id":"1"}': "1",
    b'{"id":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}': "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
    b'{"id":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}': "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    b'{"id":"new","type":null,"new":{"field":[1]}}': "new",
    b'{"id":"flip","properties":[1,2]}': "flip",
    b'{"id":"huge","x":1e400,"y":18446744073709551616}': "huge",
    b'{"id":"x","id":"last"}': "last",
}
QUARANTINED = [
    b'{"type":"click"}',
    b'{"id":null}',
    b'{"id":1}',
    b'{"id":"%b"}' % (b"k" * 6000),
    b'{"id":"type","type":5}',
    b'{"id":"when","timestamp":true}',
    b'{"id":"soon","timestamp":"soon"}',
    b'{"id":"nul","x":"\\u0000"}',
    b'{"id":"alone","x":"\\ud800"}',
    b'{"id":"utf","x":"\xff"}',
    b'{"id":"power","x":1e131072}',
    b'{"id":"deep","x":%b}' % DEEP,
    b'"not an object"',
]


@pytest.mark.fault(20, 21, 22, 23)
@pytest.mark.parametrize("lane", [(), ("identity",)])
def test_every_odd_record_is_stored_as_it_is_or_kept_raw(database: Database, lane: tuple[str, ...]) -> None:
    records = [*STORED, *QUARANTINED]
    rest = b',"pagination":{"nextCursor":null,"hasMore":false},"meta":{"total":%d}}' % len(records)
    with ScriptedApi(lambda _: (200, {}, b'{"data":[' + b",".join(records) + b"]" + rest)) as api:
        stats = ingest_here(database, api.base_url, transforms=lane, max_rejects=1.0)
    assert (stats.rows, stats.quarantined) == (len(STORED), len(QUARANTINED))
    assert ids(database) == set(STORED.values())
    assert {row[0] for row in database.fetch("SELECT raw FROM quarantined_events")} == set(QUARANTINED)
    assert database.value("SELECT data->>'y' FROM ingested_events WHERE id = 'huge'") == "18446744073709551616"


@pytest.mark.fault(29)
def test_the_quota_of_a_cached_answer_is_not_waited_for(database: Database) -> None:
    spent = {"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "600", "Age": "120"}

    def script(cursor: str | None) -> Answer:
        status, headers, body = page(["a"], "b", total=2) if cursor is None else LAST
        return status, headers | spent, body

    with ScriptedApi(script) as api:
        stats = ingest_here(database, api.base_url, limits=LimitSettings(max_wait=5.0))
    assert stats.rows == 2
    assert stats.waited < 5


@pytest.mark.fault(29, 30)
@pytest.mark.parametrize("instead", [None, "d"])
def test_the_answer_to_another_request_ends_in_no_gap(database: Database, instead: str | None) -> None:
    following = {None: "b", "b": "c", "c": "d", "d": None}
    wrong = [instead]

    def script(cursor: str | None) -> Answer:
        if cursor == "c" and wrong:
            cursor = wrong.pop()  # the page of the beginning, or the last one, as a confused proxy would
        return page([f"of {cursor}"], following[cursor], total=4)

    with ScriptedApi(script) as api:
        with pytest.raises(ContractChanged):
            ingest_here(database, api.base_url)
        assert len(ids(database)) < 4
        ingest_here(database, api.base_url)
    assert ids(database) == {"of None", "of b", "of c", "of d"}


@pytest.mark.fault(15)
def test_a_cursor_that_is_no_good_after_a_restart_is_built_again_from_the_place(database: Database) -> None:
    down = True

    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return page(["a"], "second", total=2)
        if cursor == "second":
            return (503, {}, b"") if down else (400, {}, b'{"code": "CURSOR_INVALID_FORMAT"}')
        return LAST

    with ScriptedApi(script) as api:
        with pytest.raises(ServerError):
            ingest_here(database, api.base_url, http=AT_ONCE)
        down = False
        api.asked.clear()
        stats = ingest_here(database, api.base_url)
        assert None not in api.asked, "nothing began anew"
    assert (stats.rows, stats.reseeks) == (1, 1)
