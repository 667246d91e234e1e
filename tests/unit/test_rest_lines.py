"""Lists of lines end with an empty body, and one that fails for once with an empty body goes on."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.spec import KeysetPaging, LinkHeaderPaging, NoPaging, OffsetPaging, PageNumberPaging, Paging
from datasync.errors import NotAPage
from datasync.http.transport import Answer
from datasync.model import Request
from tests.resting import BASE, Script, answer, read, records, rest

PAGINGS: list[Paging] = [
    NoPaging(),
    OffsetPaging(size=3),
    OffsetPaging(size=3, short=False),
    OffsetPaging(size=3, total="header:X-Total"),
    PageNumberPaging(size=3),
    PageNumberPaging(size=3, pages="header:X-Pages"),
    KeysetPaging(size=3),
    LinkHeaderPaging(size=3),
]
EMPTY = st.sampled_from([b"", b"\n", b"\xef\xbb\xbf"])


def lines(paging: Paging, count: int, empty: bytes) -> Script:
    """A list of so many lines, three a page."""

    def script(request: Request) -> Answer:
        said = {name: int(value) for name, value in request.params.items()}
        begin = said.get("offset", said.get("page", 1) * 3 - 3 if "page" in said else said.get("after", -1) + 1)
        if request.url is not None:
            begin = int(request.url.rpartition("=")[2])
        some = range(count) if isinstance(paging, NoPaging) else range(begin, min(begin + 3, count))
        headers = {"x-total": str(count), "x-pages": str(-(-count // 3))}
        if begin + 3 < count:
            headers["link"] = f'<{BASE}/things?at={begin + 3}>; rel="next"'
        body = b"".join(msgspec.json.encode(one) + b"\n" for one in records(some))
        return answer(body or empty, headers=headers)

    return script


def expected(count: int) -> Sequence[str]:
    return [str(one) for one in range(count)]


@pytest.mark.parametrize("paging", PAGINGS)
@given(count=st.integers(0, 12), empty=EMPTY, alone=st.booleans())
def test_an_empty_body_ends_a_list_of_lines_once_it_has_come_twice(
    paging: Paging, count: int, empty: bytes, alone: bool
) -> None:
    came = read(rest(paging, format="ndjson", records=""), lines(paging, count, empty), alone=alone)
    assert came.ids == expected(count)
    assert came.checkpoint.complete
    times = Counter(f"{request.params}{request.url}" for request in came.asked)
    assert max(times.values()) <= 2


@pytest.mark.parametrize("paging", PAGINGS)
@given(count=st.integers(1, 12), empty=EMPTY, fails=st.sets(st.integers(0, 3)))
def test_an_empty_body_that_comes_once_costs_no_record(
    paging: Paging, count: int, empty: bytes, fails: set[int]
) -> None:
    whole, asked = lines(paging, count, empty), Counter[str]()

    def script(request: Request) -> Answer:
        place = f"{request.params}{request.url}"
        asked[place] += 1
        return answer(empty) if asked[place] == 1 and len(asked) - 1 in fails else whole(request)

    came = read(rest(paging, format="ndjson", records=""), script, alone=True)
    assert came.ids == expected(count)


@pytest.mark.parametrize("format", ["json", "csv"])
def test_an_empty_body_is_no_page_of_other_formats(format: str) -> None:
    endpoint = rest(OffsetPaging(), format=format, records="")
    for _ in range(4):
        with pytest.raises(NotAPage):
            endpoint.check(answer(b""))
