"""A first page that leads nowhere: a misspelt path is no end where the answer itself says that there is more."""

from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from datasync.config.spec import (
    ColumnSpec,
    CursorPaging,
    EndpointSpec,
    HeaderCursorPaging,
    Incremental,
    KeysetPaging,
    LinkHeaderPaging,
    NextUrlPaging,
    NoPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    Parent,
    Table,
    WindowPaging,
)
from datasync.config.spec.paging import LeftOut
from datasync.endpoints.rest import RestEndpoint
from datasync.errors import ContractChanged
from datasync.http.transport import Answer
from tests.resting import NOW, answer, records, rest, settings, turned

LINK = {"link": '<https://api.example.com/v1/things?page=2>; rel="next"'}


def page(count: int = 3, headers: Mapping[str, str] = {}, **around: Any) -> Answer:
    return answer({"data": records(range(count)), **around}, headers=headers)


def warnings(endpoint: RestEndpoint, *pages: Answer) -> list[Any]:
    """What is warned of while these come, each as a first page and the last one."""
    with capture_logs() as logs:
        for one in pages:
            assert turned(endpoint, one).has_more is False
    return [line for line in logs if line["log_level"] == "warning"]


CLAIMS: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"next": "abc"}, {}, "`next`"),
    ({"meta": {"next_cursor": "abc"}}, {}, "`meta.next_cursor`"),
    ({"links": {"next": {"href": "/v1/things?page=2"}}}, {}, "`links.next.href`"),
    ({"hasMore": True}, {}, "`hasMore` is true"),
    ({"page_info": {"has_next_page": True, "end_cursor": "x"}}, {}, "`page_info.has_next_page` is true"),
    ({"meta": {"total": 3000}}, {}, "`meta.total` is 3000"),
    ({"total_pages": 2}, {}, "`total_pages` is 2"),
    ({}, {"x-total-count": "4"}, "`x-total-count` is 4"),
    ({}, LINK, "`Link`"),
    ({}, {"x-next-page": "2"}, "`x-next-page`"),
]


@pytest.mark.parametrize(("around", "headers", "named"), CLAIMS)
@pytest.mark.parametrize(
    "paging",
    [
        CursorPaging(next="meta.nextt"),
        NextUrlPaging(next="links.nextt"),
        HeaderCursorPaging(header="X-Nextt"),
        LinkHeaderPaging(rel="nextt"),
        LeftOut(),
    ],
)
def test_a_path_that_leads_nowhere_is_no_end_where_the_answer_says_that_there_is_more(
    paging: Paging, around: dict[str, Any], headers: dict[str, str], named: str
) -> None:
    with pytest.raises(ContractChanged, match=r"GET /things.*says that there is more") as caught:
        turned(rest(paging), page(headers=headers, **around))
    assert named in str(caught.value)
    assert caught.value.hint


def test_paging_that_is_left_out_is_told_from_one_that_says_that_a_page_is_all() -> None:
    assert isinstance(EndpointSpec(name="a").paging, LeftOut)
    (line,) = warnings(rest(NoPaging()), page(hasMore=True), page(hasMore=True))
    assert line["seen"] == ["`hasMore` is true"]
    assert not warnings(rest(NoPaging()), page(cursor="echo"))


@pytest.mark.parametrize("paging", [CursorPaging(next="nextt"), NextUrlPaging(next="nextt")])
def test_a_member_that_leads_on_and_is_not_there_is_warned_of_once_with_what_looks_like_it(paging: Paging) -> None:
    endpoint = rest(paging)
    (line,) = warnings(endpoint, page(marker="abc"), page())
    assert "`nextt`" in line["reason"]
    assert line["seen"] == ["`marker` looks like a cursor"]


@pytest.mark.parametrize("paging", [CursorPaging(next="nextt", size=3), NextUrlPaging(next="nextt", size=2)])
def test_a_full_page_without_the_member_that_leads_on_is_no_end(paging: Paging) -> None:
    with pytest.raises(ContractChanged, match="the page is full"):
        turned(rest(paging), page())


def test_an_end_that_is_declared_and_told_is_believed_without_a_word() -> None:
    assert not warnings(rest(CursorPaging(next="nextt", size=4, total="total")), page(marker="abc", total=3))
    assert not warnings(rest(CursorPaging(next="nextt", size=3, has_more="more")), page(marker="abc", more=False))


@pytest.mark.parametrize(
    ("paging", "whole"),
    [
        (CursorPaging(next="next"), page(next=None)),
        (CursorPaging(next="meta.next"), page(meta={"next": ""})),
        (CursorPaging(next='meta["a.b"]'), page(meta={"a.b": None})),
        (CursorPaging(next="more[0]"), page(more=[None])),
        (NextUrlPaging(), page(next=None, total=3, count=3, pages=1, has_more=False)),
        (CursorPaging(next="page.next"), page(page={"next": None, "endCursor": "x"})),
        (CursorPaging(next="next_cursor", size=4), page(has_more=False)),  # left out behind the last page
        (LinkHeaderPaging(), page()),
        (LinkHeaderPaging(), page(cursor="echo")),
        (LeftOut(), page(has_more=False, next_cursor="abc", total=5000)),  # as some APIs have it on each page
        (LeftOut(), page(users={"total": 50, "items": [{"id": 1}], "hasMore": True})),  # of another list
        (HeaderCursorPaging(header="X-Next"), page()),
        (LeftOut(), page(total=3, offset=0, limit=100, cursor=None)),
        (LeftOut(), answer(b'{"data": [{"id": 1, "x": NaN}], "hasMore": false}')),
    ],
)
def test_an_only_page_of_which_nothing_says_more_needs_no_word(paging: Paging, whole: Answer) -> None:
    assert not warnings(rest(paging), whole)


def test_a_null_that_ends_a_feed_is_believed_and_warned_of_where_the_answer_says_more() -> None:
    (line,) = warnings(rest(CursorPaging(next="previous")), page(previous=None, next="abc"))
    assert line["seen"] == ["`next` looks like a cursor"]


def test_a_total_in_a_round_that_asks_for_what_is_newer_may_be_that_of_the_whole_feed() -> None:
    wanted = Incremental(column="at", param="since", start="2024-01-01T00:00:00Z")
    columns = (ColumnSpec(name="id", key=True), ColumnSpec(name="at", type="timestamptz"))
    described = settings(CursorPaging(next="next", size=4), incremental=wanted, table=Table(columns=columns))
    start_us = 1_704_067_200_000_000
    endpoint = RestEndpoint(described, now=lambda: NOW)
    endpoint.begin(start_us + 1)
    (line,) = warnings(endpoint, page(total=5000))
    assert line["seen"] == ["`total` is 5000"]
    endpoint.begin(start_us)  # the first run
    with pytest.raises(ContractChanged, match="5000"):
        turned(endpoint, page(total=5000))


def test_a_full_list_of_one_parent_is_no_failure() -> None:
    endpoint = rest(CursorPaging(next="next", size=3), path="/p/{id}/things", parent=Parent(endpoint="p"))
    assert len(warnings(endpoint, page(), page())) == 2  # that the member is not there, and that the page was full


def test_the_first_span_of_time_is_looked_at_too() -> None:
    window = WindowPaging(since_param="from", until_param="to", start="2024-01-01", step="30d")
    with pytest.raises(ContractChanged, match="hasMore"):
        turned(rest(window), page(hasMore=True))
    with capture_logs() as logs:
        assert turned(rest(window), page(total=5000)).span_end  # of all spans, perhaps
    assert [line["seen"] for line in logs] == [["`total` is 5000"]]


def test_an_empty_first_page_is_warned_of_with_what_the_answer_says() -> None:
    for paging in (OffsetPaging(start=100), CursorPaging(next="next"), LeftOut()):
        (line,) = warnings(rest(paging), page(0, total=2350, next=None), page(0, next=None))
        assert line["event"] == "the first page has no records"
        assert line["seen"] == ["`total` is 2350"]
    assert not warnings(rest(OffsetPaging(total="total")), page(0, total=0))


@pytest.mark.parametrize(
    ("paging", "word", "path"),
    [
        (OffsetPaging(size=5, total="meta.totl"), "total", "meta.totl"),
        (CursorPaging(next="next", total="header:X-Totl"), "total", "header:X-Totl"),
        (PageNumberPaging(size=5, pages="meta.pags"), "pages", "meta.pags"),
        (PageNumberPaging(size=5, pages="header:X-Pags"), "pages", "header:X-Pags"),
        (KeysetPaging(size=5, has_more="mor"), "has_more", "mor"),
    ],
)
def test_what_is_declared_and_never_told_is_warned_of_at_the_end(paging: Paging, word: str, path: str) -> None:
    endpoint = rest(paging)
    with capture_logs() as logs:
        turned(endpoint, page(5, next="2"))
        assert not logs
        turned(endpoint, page(0, next=None), "5" if isinstance(paging, OffsetPaging) else "2")
    assert [(line["declared"], line["path"]) for line in logs] == [(word, path)]


def test_a_word_that_one_page_has_is_told() -> None:
    endpoint = rest(OffsetPaging(size=5, total="total"))
    turned(endpoint, page(5, total=7))
    with capture_logs() as logs:
        assert turned(endpoint, page(2), "5").has_more is False
    assert not logs


def test_a_full_page_that_says_that_there_is_no_more_is_the_end() -> None:
    (line,) = warnings(rest(CursorPaging(next="next_cursor", size=3)), page(has_more=False))
    assert line["event"] == "the last page was full and named no next one"


def test_what_stands_beside_the_records_in_an_object_speaks_of_them() -> None:
    body = {"groups": {"items": records(range(2)), "total": 50}, "users": {"items": [], "total": 2}}
    for place in ("groups.items", "$.groups.items[*]", "$.groups.items[?@.id]"):
        with pytest.raises(ContractChanged, match=r"`groups\.total` is 50"):
            turned(rest(LeftOut(), records=place), answer(body))
