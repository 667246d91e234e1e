"""Where a list ends, and where it only seems to: circles, pages that come again, and words that don't add up."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from datasync.config.spec import (
    ColumnSpec,
    CursorPaging,
    HeaderCursorPaging,
    KeysetPaging,
    LinkHeaderPaging,
    NextUrlPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    Table,
)
from datasync.errors import ContractChanged, CursorExpired, DatasyncError, PageDamaged, PageRepeated
from datasync.http.transport import Answer
from datasync.model import Checkpoint, Request
from datasync.transforms.chain import Chain
from tests.rest_apis import api
from tests.resting import BASE, answer, read, records, rest, turned

BLIND: list[Paging] = [
    OffsetPaging(size=5),
    OffsetPaging(size=5, short=False),
    PageNumberPaging(size=5),
    PageNumberPaging(size=5, short=False),
    KeysetPaging(size=5),
    OffsetPaging(size=5, total="total"),
    PageNumberPaging(size=5, pages="pages"),
]


@pytest.mark.parametrize("paging", BLIND)
@pytest.mark.parametrize("size", [5, 3])
@pytest.mark.parametrize("stamped", [False, True])
def test_an_api_that_ignores_where_is_noticed_at_its_second_page(paging: Paging, size: int, stamped: bool) -> None:
    asked: list[Request] = []

    def script(request: Request) -> Answer:
        asked.append(request)
        return answer({"data": records(range(size)), "total": 100, "pages": 20, "served": len(asked)})

    columns = (ColumnSpec(name="id", key=True), ColumnSpec(name="at", type="timestamptz", source="ingest_time"))
    table = Table(columns=columns) if stamped else Table()
    with pytest.raises(PageRepeated):
        read(rest(paging, table=table), script)
    assert len({str(request.params) for request in asked}) <= 3  # the second, and one ahead


@pytest.mark.parametrize("paging", [OffsetPaging(size=5, short=False), PageNumberPaging(size=5, short=False)])
@given(length=st.integers(1, 12))
def test_a_list_that_begins_anew_behind_its_end_is_noticed_within_bounds(paging: Paging, length: int) -> None:
    pages = [list(range(start, start + 5)) for start in range(0, length * 5, 5)]
    asked: set[str] = set()

    def script(request: Request) -> Answer:
        asked.add(str(request.params))
        assert len(asked) <= 3 * length + 3
        place = int(request.params["page"]) - 1 if "page" in request.params else int(request.params["offset"]) // 5
        return answer({"data": records(pages[place % length])})

    with pytest.raises(PageRepeated):
        read(rest(paging), script)


@pytest.mark.parametrize(
    "link", ['https://api.example.com/v1/x; rel="next"', "rel = next", "<https://h/a>; rel=\"prev\", /x;rel='NEXT'"]
)
def test_a_next_page_that_is_named_and_no_link_is_not_the_end(link: str) -> None:
    page = answer({"data": records([1])}, headers={"link": link})
    with pytest.raises(PageDamaged, match="Link"):
        turned(rest(LinkHeaderPaging()), page)


@pytest.mark.parametrize("link", ["", '<https://h/a>; rel="prev"; title="rel=next"', "<https://h/a>;rel=nextish"])
def test_without_a_next_link_it_is_the_end(link: str) -> None:
    page = answer({"data": records([1])}, headers={"link": link} if link else {})
    assert turned(rest(LinkHeaderPaging()), page).has_more is False


@pytest.mark.parametrize(
    "paging",
    [CursorPaging(next="next"), HeaderCursorPaging(header="X-Next"), NextUrlPaging(), CursorPaging(next="again")],
)
@given(lap=st.integers(1, 6), lead_in=st.integers(0, 3))
def test_circles_of_cursors_are_noticed_within_bounds(paging: Paging, lap: int, lead_in: int) -> None:
    asked = 0

    def script(request: Request) -> Answer:
        nonlocal asked
        asked += 1
        here = request.url.rpartition("=")[2] if request.url else str(request.params.get("cursor", "0"))
        place = int(here.partition("-")[0]) + 1
        place = place if place < lap + lead_in else lead_in
        fresh = f"{place}-{asked}"  # the same place, spelled anew each time
        url = f"{BASE}/things?cursor={place}" if isinstance(paging, NextUrlPaging) else str(place)
        return answer({"data": records(range(int(here[0]), int(here[0]) + 3)), "next": url, "again": fresh}, headers={
            "x-next": str(place)
        })  # fmt: skip

    with pytest.raises((ContractChanged, PageRepeated)):
        read(rest(paging), script)
    assert asked <= 3 * (lap + lead_in) + 16  # six times at the page that repeats


@pytest.mark.parametrize("repeats", [False, True])
def test_pages_that_transforms_leave_out_whole_are_told_apart(repeats: bool) -> None:
    leave_out = Chain([("none", lambda _record: None)])

    def script(request: Request) -> Answer:
        place = 0 if repeats else int(request.params["offset"])
        return answer({"data": records(range(place, min(place + 5, 40)))})

    if repeats:
        with pytest.raises(PageRepeated):
            read(rest(OffsetPaging(size=5)), script, chain=leave_out)
    else:
        assert read(rest(OffsetPaging(size=5)), script, chain=leave_out).checkpoint.served == 40


def test_a_page_that_names_itself_is_a_repeated_one() -> None:
    endpoint = rest(CursorPaging(next="next"))
    with pytest.raises(PageRepeated):
        turned(endpoint, answer({"data": records([1]), "next": "a"}), "a")


def test_the_same_page_asked_for_again_after_a_failure_is_no_repetition() -> None:
    endpoint = rest(OffsetPaging(size=2))
    page = answer({"data": records([1, 2])})
    for _ in range(3):
        assert turned(endpoint, page, "4").next_cursor == "6"
    with pytest.raises(PageRepeated):
        turned(endpoint, page, "6")


def test_a_list_that_is_read_from_its_beginning_again_is_no_repetition() -> None:
    endpoint = rest(OffsetPaging(size=2))
    first, second = answer({"data": records([1, 2])}), answer({"data": records([3, 4])})
    for _ in range(3):
        assert turned(endpoint, first).next_cursor == "2"
        assert turned(endpoint, second, "2").next_cursor == "4"


def test_pages_of_an_api_that_gives_fewer_than_asked_are_not_taken_for_the_last() -> None:
    paging, script = api("offset short", range(35), 100, cap=10)
    assert len(read(rest(paging), script).ids) == 35


def test_with_a_total_a_short_page_is_not_the_last() -> None:
    endpoint = rest(OffsetPaging(size=4, total="total"))
    assert turned(endpoint, answer({"data": records(range(4)), "total": 7})).next_cursor == "4"
    assert turned(endpoint, answer({"data": records([4]), "total": 7}), "4").next_cursor == "5"
    last = turned(endpoint, answer({"data": records([5, 6]), "total": 7}), "5")
    assert (last.has_more, last.total) == (False, 7)


def test_has_more_counts_above_all_else() -> None:
    endpoint = rest(OffsetPaging(size=2, has_more="more", total="total"))
    go_on = turned(endpoint, answer({"data": records([1]), "more": True, "total": 1}))
    assert (go_on.next_cursor, go_on.has_more) == ("1", True)
    assert turned(endpoint, answer({"data": records([2, 3]), "more": False, "total": 9}), "1").has_more is False


def test_an_empty_page_with_more_behind_it_leads_forward_once_it_has_come_twice() -> None:
    endpoint = rest(OffsetPaging(size=10, has_more="more"))
    empty = answer({"data": [], "more": True})
    for cursor, following in ((None, "10"), ("10", "20")):
        with pytest.raises(PageDamaged, match="no records"):
            turned(endpoint, empty, cursor)
        assert turned(endpoint, empty, cursor).next_cursor == following


@pytest.mark.parametrize("paging", [CursorPaging(next="next", has_more="more")])
@pytest.mark.parametrize("body", [{"more": True}, {}, {"more": True, "next": ""}])
def test_an_end_that_is_not_told_is_none(paging: Paging, body: dict[str, Any]) -> None:
    with pytest.raises(PageDamaged, match="what follows"):
        read(rest(paging), lambda _: answer({"data": records([1]), **body}))


def test_a_full_last_page_that_names_no_next_one_is_warned_of_once() -> None:
    for count, warnings in ((3, 1), (2, 0)):
        endpoint = rest(CursorPaging(next="next", size=3))
        with capture_logs() as logs:
            for _ in range(2):
                assert turned(endpoint, answer({"data": records(range(count)), "next": None})).has_more is False
        assert [line["log_level"] for line in logs] == ["warning"] * warnings


def test_a_page_number_beyond_what_is_told_is_not_asked_for() -> None:
    endpoint = rest(PageNumberPaging(size=5, first=0, pages="header:X-Pages", short=False))
    page = answer({"data": records(range(5))}, headers={"x-pages": "2"})
    assert turned(endpoint, page).next_cursor == "1"
    assert turned(endpoint, answer({"data": records(range(5, 10))}, headers={"x-pages": "2"}), "1").has_more is False
    with pytest.raises(ContractChanged, match="number of pages"):
        turned(endpoint, answer({"data": records([1])}, headers={"x-pages": "many"}), "1")


@pytest.mark.parametrize(
    ("last", "following"),
    [
        ({"id": "k3", "name": "n"}, "k3"),
        ({"id": "k3", "name": "a\u0000b"}, "k3"),  # refused, and still the last
        ({"name": "without a key"}, "k2"),
    ],
)
def test_the_key_that_leads_on_is_that_of_the_last_record_stored_or_not(last: Any, following: str) -> None:
    endpoint = rest(KeysetPaging(size=3))
    assert turned(endpoint, answer({"data": [{"id": "k1"}, {"id": "k2"}, last]})).next_cursor == following


def test_the_field_that_leads_on_may_be_any() -> None:
    endpoint = rest(KeysetPaging(size=1, field="meta.seq"))
    page = answer({"data": [{"id": "a", "meta": {"seq": 12345678901234567890}}]})
    assert turned(endpoint, page).next_cursor == "12345678901234567890"
    with pytest.raises(ContractChanged, match="no record"):
        turned(endpoint, answer({"data": [{"id": "b"}]}), "1")


EXPIRING = CursorPaging(next="next", ttl="2m", expired=("410", "CURSOR_EXPIRED"))


@pytest.mark.parametrize(
    "refusal",
    [
        answer({}, status=410),
        answer({"error": {"code": "CURSOR_EXPIRED"}}, status=400),
        answer({"errors": [{"type": "CURSOR_EXPIRED"}]}, status=422),
    ],
)
def test_an_expired_cursor_means_that_the_feed_is_read_again(refusal: Answer) -> None:
    pages = {None: (["a", "b"], "1"), "1": (["c", "d"], "2"), "2": (["e"], None)}
    strikes = [refusal]

    def script(request: Request) -> Answer:
        cursor = request.params.get("cursor")
        if cursor == "2" and strikes:
            return strikes.pop()
        ids, following = pages[None if cursor is None else str(cursor)]
        return answer({"data": records(ids), "next": following})

    endpoint = rest(EXPIRING)
    assert endpoint.cursor_ttl == 120
    came = read(endpoint, script)
    assert came.ids == ["a", "b", "c", "d", "a", "b", "c", "d", "e"]
    assert came.checkpoint.complete


def test_only_what_is_declared_is_an_expired_cursor() -> None:
    bodies: list[object] = [{"code": "OTHER"}, {"detail": "CURSOR_EXPIRED is not the code"}, [], "x"]
    for body in bodies:
        with pytest.raises(ContractChanged):
            rest(EXPIRING).check(answer(body, status=400))
    with pytest.raises(CursorExpired):
        rest(EXPIRING).check(answer({"code": "CURSOR_EXPIRED"}, status=400))


@pytest.mark.parametrize("status", [204, 400, 404, 405, 301, 206])
def test_no_other_status_than_200_is_an_end(status: int) -> None:
    for body in (b"", b"[]", b'{"data": []}'):
        with pytest.raises(DatasyncError) as caught:
            rest(OffsetPaging()).check(answer(body, status=status))
        assert not isinstance(caught.value, CursorExpired)


@pytest.mark.parametrize(
    ("paging", "cursor"),
    [
        (OffsetPaging(), "https://x"),
        (OffsetPaging(), "-1"),
        (PageNumberPaging(), "1 2"),
        (PageNumberPaging(total="t"), "1"),
        (NextUrlPaging(), "https://evil.example/things"),
    ],
)
def test_a_stored_place_of_another_kind_is_refused(paging: Paging, cursor: str) -> None:
    with pytest.raises(ContractChanged):
        read(rest(paging), lambda _: answer({"data": []}), checkpoint=Checkpoint(cursor=cursor))


def test_cursors_are_numbers_and_text_as_they_are_written() -> None:
    endpoint = rest(CursorPaging(next="next", param="after"))
    body = msgspec.json.encode({"data": records([1]), "next": msgspec.Raw(b"10000000000000000001")})
    cursor = turned(endpoint, answer(body)).next_cursor
    assert endpoint.request(cursor).params == {"after": "10000000000000000001"}
