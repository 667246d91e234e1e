"""What is found out about an API is what it does, and asking never costs more than was allowed."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasync.config import Secret
from datasync.discovery.credentials import Given
from datasync.errors import AuthError, ContractChanged, NotAPage, RateLimited, ServerError
from tests.discovery.apis import Api, Kind, Shape, discover, serving
from tests.discovery.cursored import Built, Holds


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving() as running:
        yield running


PAGINGS: list[tuple[Kind, dict[str, Any]]] = [
    ("link", {"kind": "link"}),
    ("next_url", {"kind": "next_url", "next": "links.next"}),
    ("cursor", {"kind": "cursor", "next": "paging.nextCursor", "param": "cursor"}),
    ("header_cursor", {"kind": "header_cursor", "header": "X-Next-Cursor", "param": "cursor"}),
    ("page", {"kind": "page", "param": "page", "first": 1}),
    ("page0", {"kind": "page", "param": "page", "first": 0}),
    ("offset", {"kind": "offset", "param": "offset"}),
    ("skip", {"kind": "offset", "param": "skip"}),
    ("keyset", {"kind": "keyset", "param": "starting_after"}),
    ("none", {"kind": "none"}),
    ("stuck", {"kind": "none"}),
]


def test_every_kind_of_paging_is_tried() -> None:
    assert {kind for kind, _ in PAGINGS} | {"offset1"} == set(get_args(Kind))


@pytest.mark.parametrize("size_param", [None, "per_page"])
@pytest.mark.parametrize(("kind", "wanted"), PAGINGS)
def test_paging_is_recognised(api: Api, kind: Kind, wanted: dict[str, Any], size_param: str | None) -> None:
    import msgspec

    found = discover(api, Shape(paging=kind, size_param=size_param))
    assert found.paging is not None
    assert wanted.items() <= msgspec.to_builtins(found.paging.paging).items(), found.tried
    assert found.size is not None
    assert found.size.param == size_param
    assert found.stopped is None
    assert (found.paging.sureness == "verified") is (wanted["kind"] != "none")


def test_a_list_that_fits_on_one_page_is_paged_as_its_small_pages_show(api: Api) -> None:
    for kind, wanted in PAGINGS[:8]:
        found = discover(api, Shape(count=12, paging=kind, size_param="limit"))
        assert found.paging is not None
        assert type(found.paging.paging).__struct_config__.tag == wanted["kind"], found.tried


def test_a_cap_without_a_word_is_seen(api: Api) -> None:
    found = discover(api, Shape(count=3000, paging="offset", size_param="limit", cap=700)).size
    assert found is not None
    assert (found.param, found.largest, found.cap, found.refused) == ("limit", 700, 700, None)


def test_a_refused_size_is_seen(api: Api) -> None:
    found = discover(api, Shape(count=3000, paging="cursor", size_param="limit", refuses_above=500)).size
    assert found is not None
    assert (found.largest, found.cap, found.refused) == (500, None, 1000)


def test_a_size_beyond_all_records_is_no_cap(api: Api) -> None:
    found = discover(api, Shape(count=300, paging="page", size_param="per_page", total=True)).size
    assert found is not None
    assert (found.largest, found.cap) == (500, None)


def test_parameters_are_honoured_or_ignored_by_what_comes(api: Api) -> None:
    ignored = discover(api, Shape(paging="cursor", size_param="limit")).parameters
    assert {one.effect for one in ignored} == {"ignored"}
    honoured = discover(api, Shape(paging="cursor", size_param="limit", since=True)).parameters
    effects = {one.name: (one.effect, one.column) for one in honoured}
    assert effects["since"] == ("honoured", "created_at")
    assert effects["until"] == ("ignored", None)


@pytest.mark.parametrize(("moment", "form"), [("iso", "ISO 8601"), ("s", "epoch seconds"), ("ms", "epoch ms")])
def test_columns_key_and_order_are_those_of_the_records(api: Api, moment: Any, form: str) -> None:
    found = discover(api, Shape(moment=moment))
    assert {one.name: one.kind for one in found.columns} == {
        "id": "bigint",
        "created_at": "timestamptz",
        "name": "text",
        "tags": "jsonb",
        "price": "double precision",
    }
    assert form in next(one.how for one in found.columns if one.name == "created_at")
    assert found.key == "id"
    assert found.order is not None
    assert (found.order.column, found.order.direction) == ("created_at", "newest first")


@pytest.mark.parametrize(("at", "path"), [((), ""), (("data",), "data"), (("a.b", "items"), '["a.b"].items')])
def test_records_are_found_where_they_are(api: Api, at: tuple[str, ...], path: str) -> None:
    assert discover(api, Shape(at=at)).records == path


def test_the_total_is_taken_where_it_is_told(api: Api) -> None:
    found = discover(api, Shape(paging="offset", size_param="limit", total=True))
    assert (found.total, found.total_path) == (100, "total")


def test_a_cursors_life_is_read_out_of_it(api: Api) -> None:
    found = discover(api, Shape(paging="cursor")).cursor
    assert found is not None
    assert found.seconds == pytest.approx(600, abs=5)


def test_a_cursor_is_used_again_after_a_wait_only_if_asked(api: Api) -> None:
    found = discover(api, Shape(paging="cursor"), cursor_wait=30.0)
    assert found.cursor is not None
    assert "still good after 30 s" in found.cursor.how
    assert found.tried[-1].asked == "the cursor again after 30 s"


def test_an_empty_list_is_told_and_costs_one_request(api: Api) -> None:
    found = discover(api, Shape(count=0))
    assert (found.records, found.columns, found.used) == ("data", (), 1)
    assert any("empty" in note for note in found.notes)


def test_a_refusal_ends_the_asking_at_once(api: Api) -> None:
    found = discover(api, Shape(paging="cursor", size_param="limit", budget=3))
    assert (found.used, api.served) == (4, 4)
    assert found.stopped is not None
    assert "429" in found.stopped
    assert "wait 17 s" in found.stopped
    assert found.paging is not None


def test_a_refused_first_request_is_an_error_and_no_second_one_follows(api: Api) -> None:
    with pytest.raises(RateLimited, match="wait 17 s"):
        discover(api, Shape(budget=0))
    assert api.served == 1


def test_nothing_is_asked_once_headers_say_that_nothing_is_left(api: Api) -> None:
    found = discover(api, Shape(paging="page", size_param="limit", window=5))
    assert api.served == found.used == 5
    assert found.stopped is not None
    assert "nothing is left of the rate limit" in found.stopped
    assert [(quota.limit, quota.remaining) for quota in found.limits] == [(5, 0)]


def test_a_reset_that_is_near_is_waited_for_and_patience_has_an_end(api: Api) -> None:
    found = discover(api, Shape(paging="page", size_param="limit", window=5), patience=150.0)
    assert api.served == found.used == 7
    assert [round(seconds) for seconds in api.slept] == [61, 61]
    assert found.window == 60


def test_no_credentials_and_wrong_ones_are_told_apart(api: Api) -> None:
    with pytest.raises(AuthError) as none:
        discover(api, Shape(key="right-key"))
    assert none.value.hint is not None
    assert "--bearer-env" in none.value.hint
    wrong = Given({"X-Key": Secret("wrong-key", source="MY_KEY")})
    with pytest.raises(AuthError, match="MY_KEY") as refused:
        discover(api, Shape(key="right-key"), given=wrong)
    assert "wrong-key" not in str(refused.value)
    right = Given({"X-Key": Secret("right-key", source="MY_KEY")})
    assert discover(api, Shape(key="right-key"), given=right).key == "id"


def test_the_key_as_a_parameter_is_tried_only_if_asked(api: Api) -> None:
    right = Given({"X-Key": Secret("right-key", source="MY_KEY")})
    assert discover(api, Shape(key="right-key"), given=right).auth_variant is None
    found = discover(api, Shape(key="right-key"), given=right, key_param="key").auth_variant
    assert found is not None
    assert found.status == 401


def test_what_is_no_list_is_refused_with_a_reason(api: Api) -> None:
    with pytest.raises(NotAPage, match="text/html"):
        discover(api, Shape(html=True))
    with pytest.raises(ContractChanged, match="404"):
        discover(api, Shape(status=404))
    with pytest.raises(ServerError):
        discover(api, Shape(status=503))


SHAPES = st.builds(
    Shape,
    count=st.integers(0, 300),
    paging=st.sampled_from(get_args(Kind)),
    holds=st.sampled_from(get_args(Holds)),
    built=st.sampled_from(get_args(Built)),
    at=st.sampled_from([(), ("data",), ("result", "items")]),
    size_param=st.sampled_from([None, "limit", "size"]),
    default=st.integers(1, 50),
    cap=st.sampled_from([1, 70, 1000]),
    refuses_above=st.sampled_from([None, 50, 800]),
    total=st.booleans(),
    since=st.booleans(),
    budget=st.sampled_from([None, 1, 5]),
    window=st.sampled_from([None, 1, 6]),
)


@settings(max_examples=25)
@given(shape=SHAPES, allowed=st.integers(1, 45))
@example(shape=Shape(paging="keyset", since=True), allowed=2)
def test_no_more_is_asked_than_is_allowed_and_all_of_it_is_counted(api: Api, shape: Shape, allowed: int) -> None:
    try:
        found = discover(api, shape, allowed=allowed)
    except RateLimited:
        assert api.served == 1
        return
    assert found.used == api.served <= allowed


def test_an_offset_that_is_counted_from_one_is_seen(api: Api) -> None:
    from datasync.config.spec import OffsetPaging

    found = discover(api, Shape(paging="offset1", size_param="limit")).paging
    assert found is not None
    assert isinstance(found.paging, OffsetPaging)
    assert found.paging.start == 1


def test_a_list_that_changes_while_it_is_asked_is_understood_all_the_same(api: Api) -> None:
    found = discover(api, Shape(paging="offset", size_param="limit", since=True, default=60, grows=True))
    assert found.paging is not None
    assert found.paging.paging.__struct_config__.tag == "offset", found.tried
    assert {one.name: one.effect for one in found.parameters if one.effect != "ignored"} == {"since": "honoured"}
    assert any("changes by itself" in note for note in found.notes)
