"""An endpoint that is read for each row of a parent: every parent's chain, in order, wherever a run goes on."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.spec import Parent
from datasync.endpoints.base import BodyTells, ByCursor, ByReread, Peek, Reseek
from datasync.endpoints.children import Children
from datasync.errors import ContractChanged, ParentGone
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Position, Request
from datasync.pipeline.choice import choose
from datasync.pipeline.perparent import PerParent


class Items(BodyTells):
    """`/p/{id}/items`, paged by a cursor in the body."""

    name = "items"
    plan = EncoderPlan(
        records="items",
        next_cursor="next",
        has_more="more",
        columns=(Column("id", "", "text", required=True, key=True),),
    )
    cursor_ttl = None
    auth = httpx.Auth()

    def request(self, cursor: str | None) -> Request:
        return Request("/p/{id}/items", {"of": "x{id}"} | ({"cursor": cursor} if cursor else {}))

    def check(self, answer: Answer) -> None: ...

    def position(self, _chunk: Chunk) -> Position | None:
        return None

    @property
    def reseek(self) -> Reseek:
        return ByReread()


PLAN = msgspec.structs.replace(Items.plan, columns=(Column("id", "v", "text", required=True, key=True),))


class Api:
    """Serves pages of two items."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self._lists = lists
        self.asked: list[str] = []

    def answer(self, request: Request) -> bytes:
        assert request.url is not None
        value = httpx.URL(request.url).path.split("/")[2]
        assert request.params["of"] == f"x{value}"
        self.asked.append(value)
        start = int(request.params.get("cursor", 0))
        items = self._lists[value]
        more = start + 2 < len(items)
        page = {"items": [{"v": item} for item in items[start : start + 2]], "more": more}
        return msgspec.json.encode(page | ({"next": str(start + 2)} if more else {}))


def walk(endpoint: Children, api: Api, cursor: str | None, most: int = 10_000) -> tuple[list[tuple[Any, ...]], Any]:
    """The rows, and the cursor after `most` pages or False at the end."""
    lane = PerParent(endpoint.plan_at, endpoint.named, lambda plan: choose(plan, None))
    rows: list[tuple[Any, ...]] = []
    for _ in range(most):
        body = api.answer(endpoint.request(cursor))
        answer = Answer(200, {}, body, len(body), 0)
        chunk = endpoint.turn(lane.encode(body, cursor=cursor, now_us=0), answer, cursor)
        peek: Peek = lane.peek
        ahead = endpoint.following(answer, cursor, peek)
        assert ahead in (None, chunk.next_cursor)
        assert chunk.copy is not None
        value = endpoint.plan_at(cursor).columns[-1].constant
        data = bytes(memoryview(chunk.copy))
        assert value is None or data.count(msgspec.json.decode(value).encode()) >= chunk.row_count
        rows += [(value, chunk.row_count, chunk.last_key)]
        if chunk.has_more is False:
            return rows, False
        cursor = chunk.next_cursor
    return rows, cursor


def make(lists: Mapping[str, Sequence[str]], **parent: Any) -> Children:
    def one() -> Items:
        inner = Items()
        inner.plan = PLAN
        return inner

    return Children(one, Parent(endpoint="parents", into="parent", **parent), sorted(lists), base_url="http://api")


lists = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.lists(st.text("xyz", min_size=1), max_size=5), min_size=1, max_size=6
)


@given(lists, st.data())
def test_each_parents_list_is_read_once_wherever_the_run_goes_on(
    lists: dict[str, list[str]], data: st.DataObject
) -> None:
    whole, end = walk(make(lists), Api(lists), None)
    assert end is False
    counts = {msgspec.json.decode(value): 0 for value, _, _ in whole}
    for value, count, _ in whole:
        counts[msgspec.json.decode(value)] += count
    assert counts == {value: len(items) for value, items in lists.items()}
    cut = data.draw(st.integers(0, len(whole) - 1))
    first, cursor = walk(make(lists), Api(lists), None, cut)
    rest, _ = walk(make(lists), Api(lists), cursor if cut else None)
    assert first + rest == whole


def test_a_parent_whose_cursor_expired_is_read_on_where_one_can_be_built() -> None:
    class Renewing(Items):
        def position(self, chunk: Chunk) -> Position | None:
            return {"at": int(chunk.next_cursor or 0)}

        @property
        def reseek(self) -> Reseek:
            return ByCursor(lambda position, now_ms: f"{position['at']}+{now_ms}")

    def page(following: str | None) -> Chunk:
        return Chunk(1, 1, 1, [], following, following is not None, None, "x", None)

    answer = Answer(200, {}, b"", 0, 0)
    endpoint = Children(Renewing, Parent(endpoint="parents"), ["a", "b"], base_url="http://api")
    assert isinstance(endpoint.reseek, ByCursor)
    inside = endpoint.position(endpoint.turn(page("4"), answer, None))
    assert inside is not None
    assert endpoint.request(endpoint.reseek.build(inside, 7)).params["cursor"] == "4+7"
    # Between two parents there is nothing to build.
    between = endpoint.position(endpoint.turn(page(None), answer, None))
    assert between == {"parent": "b", "at": ""}
    again = endpoint.request(endpoint.reseek.build(between, 7))
    assert (again.url, again.params) == ("http://api/p/b/items", {"of": "xb"})


def test_a_run_goes_on_behind_a_parent_that_is_gone_meanwhile() -> None:
    lists = {"a": ["1"], "b": ["1", "2", "3"], "c": ["1"]}
    _, cursor = walk(make(lists), Api(lists), None, 2)
    left = {"a": lists["a"], "c": lists["c"]}
    api = Api(left)
    walk(make(left), api, cursor)
    assert api.asked == ["c"]
    with pytest.raises(ParentGone, match="gone"):
        make({"a": []}).request(cursor)
    assert make({"a": []}).past(cursor).has_more is False


def test_a_value_is_quoted_in_the_path_and_escaped_in_a_body() -> None:
    class Posted(Items):
        def request(self, cursor: str | None) -> Request:
            return Request("/p/{id}", {"cursor": cursor or ""}, "POST", b'{"of":"{id}"}')

    request = Children(Posted, Parent(endpoint="parents"), ['a/b?"'], base_url="http://api/v1").request(None)
    assert request.url == "http://api/v1/p/a%2Fb%3F%22"
    assert request.path == "/p/{id}"
    assert request.content == b'{"of":"a/b?\\""}'


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_no_parent_leads_to_another_resource(value: str) -> None:
    with pytest.raises(ContractChanged, match="another resource"):
        make({value: []}).request(None)
    with pytest.raises(ParentGone):
        make({value: []}, gone="skip").request(None)
    for harmless in ("...", "a/../b", "%2e%2e", "..;"):
        url = make({harmless: []}).request(None).url
        assert url is not None
        assert str(httpx.URL(url)).split("/")[3:] == ["p", url.split("/")[4], "items"]
