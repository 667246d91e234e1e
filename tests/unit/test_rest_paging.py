"""Whatever the kind of paging: each record is read exactly once, in one run or in many, and the end is noticed."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from datasync.config.spec import Paging
from datasync.endpoints.base import Endpoint, Incremental, Peek, Resizable, Windowed
from datasync.endpoints.rest import RestEndpoint
from datasync.http.transport import Answer
from datasync.model import Checkpoint, Chunk
from datasync.transforms.chain import Chain
from tests.rest_apis import KINDS, api, windowed
from tests.resting import NOW, Script, read, rest, settings, turned

IDS = st.lists(st.integers(0, 10_000), unique=True, max_size=30).map(sorted)
FEWER = hypothesis_settings(max_examples=hypothesis_settings().max_examples // 3)
"""There are many kinds."""
SPANS = tuple(kind for kind in KINDS if not kind.startswith(("next_url", "link")))


def method(kind: str) -> str:
    return "POST" if kind.endswith("body") else "GET"


def expected(ids: Sequence[int]) -> list[str]:
    return [str(one) for one in ids]


def in_runs(kind: str, paging: Paging, script: Script, stops: Sequence[int]) -> list[str]:
    """The keys that several runs read, each on from where the one before stopped, and the last one to the end."""
    found: list[str] = []
    checkpoint = Checkpoint()
    for pages in [*stops, None]:
        came = read(rest(paging, method=method(kind)), script, checkpoint=checkpoint, pages=pages)
        found += came.ids
        checkpoint = came.checkpoint
        if checkpoint.complete:
            break
    assert checkpoint.complete
    return found


@pytest.mark.parametrize("kind", KINDS)
@FEWER
@given(ids=IDS, size=st.integers(1, 12), cap=st.integers(1, 12), alone=st.booleans(), lane=st.booleans())
def test_every_record_is_read_once_and_the_end_is_told(
    kind: str, ids: list[int], size: int, cap: int, alone: bool, lane: bool
) -> None:
    paging, script = api(kind, ids, size, cap)
    chain = Chain([("same", lambda record: record)]) if lane else None
    came = read(rest(paging, method=method(kind)), script, alone=alone, chain=chain)
    assert came.ids == expected(ids)
    assert came.checkpoint.complete
    assert came.checkpoint.served == len(ids)
    if kind.endswith(("total", "header")):
        assert came.total == len(ids)


@pytest.mark.parametrize("kind", KINDS)
@FEWER
@given(ids=IDS, size=st.integers(1, 12), stops=st.lists(st.integers(1, 4), max_size=8))
def test_a_run_goes_on_from_where_an_earlier_one_stopped(
    kind: str, ids: list[int], size: int, stops: list[int]
) -> None:
    paging, script = api(kind, ids, size)
    assert in_runs(kind, paging, script, stops) == expected(ids)


@pytest.mark.parametrize("kind", SPANS)
@FEWER
@given(
    ages=st.lists(st.integers(1, 9 * 86_400 - 1), unique=True, max_size=20),
    size=st.integers(1, 6),
    stops=st.lists(st.integers(1, 5), max_size=4),
)
def test_spans_of_time_are_read_once_each_with_empty_ones_between(
    kind: str, ages: list[int], size: int, stops: list[int]
) -> None:
    # Spans last a day less a second. The second before one is asked for twice: no record of this test is there.
    moments = sorted(int(NOW) - age for age in ages if (9 * 86_400 - age + 1) % 86_399)
    paging, script = windowed(kind, moments, size, days=9)
    assert in_runs(kind, paging, script, stops) == expected(moments)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "none"])
def test_no_page_is_asked_for_twice(kind: str) -> None:
    paging, script = api(kind, range(40), 7)
    came = read(rest(paging, method=method(kind)), script)
    wishes = [(request.url, str(request.params), request.content) for request in came.asked]
    assert len(set(wishes)) == len(wishes)
    assert len(wishes) <= 7  # six pages, and one where an empty page is the end


class Watched(RestEndpoint):
    """Notes for each page where it leads, as told before it was read and afterwards."""

    def __init__(self, paging: Paging) -> None:
        super().__init__(settings(paging), now=lambda: NOW)
        self.before: list[str | None] = []
        self.after: list[str | None] = []

    def following(self, answer: Answer, cursor: str | None, peek: Peek) -> str | None:
        self.before.append(super().following(answer, cursor, peek))
        return self.before[-1]

    def turn(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Chunk:
        turned = super().turn(chunk, answer, cursor)
        self.after.append(turned.next_cursor)
        return turned


@pytest.mark.parametrize(
    ("kind", "learned"),
    [
        *((kind, 0) for kind in ("cursor", "cursor more", "header_cursor", "next_url path", "link")),
        *((kind, 0) for kind in ("page more", "page pages")),
        *((kind, 1) for kind in ("offset more", "offset total", "page total", "page header")),
    ],
)
def test_the_next_page_is_asked_for_before_this_one_is_read_where_it_is_known(kind: str, learned: int) -> None:
    paging, script = api(kind, range(40), 10)
    endpoint = Watched(paging)
    read(endpoint, script)
    assert len(endpoint.after) == 4
    assert endpoint.before[learned:] == endpoint.after[learned:]
    assert endpoint.before[:learned] == [None] * learned


@pytest.mark.parametrize("kind", ["cursor", "header_cursor", "offset short", "offset total", "keyset short"])
def test_smaller_pages_in_the_middle_lose_nothing(kind: str) -> None:
    ids = list(range(23))
    paging, _ = api(kind, ids, 10)
    endpoint = rest(paging)
    cursor, found = None, []
    for limit in [10, 3, 1, 4, 10, 10, 10, 10]:
        _, script = api(kind, ids, limit)
        request = endpoint.request(cursor)
        if limit != 10:
            request = endpoint.resized(request, limit)
            assert request.params["limit"] == limit
        page = script(request)
        chunk = turned(endpoint, page, cursor)
        found.append(chunk.records)
        cursor = chunk.next_cursor
        if chunk.has_more is False:
            break
    assert sum(found) == len(ids)


@pytest.mark.parametrize(
    ("kind", "resizable"),
    [("none", False), ("next_url path", False), ("page short", False), ("cursor", True), ("offset short", True)],
)
def test_only_where_the_size_may_change_it_is_changed(kind: str, resizable: bool) -> None:
    endpoint = rest(api(kind, [], 10)[0])
    assert (endpoint.page_limit == 10) is resizable


def test_it_is_what_the_pipeline_asks_of_an_endpoint() -> None:
    endpoint: Endpoint = rest(api("cursor", [], 10)[0])
    assert isinstance(endpoint, Resizable)
    assert isinstance(endpoint, Incremental)
    assert not isinstance(endpoint, Windowed)
