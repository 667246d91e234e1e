"""What a declared endpoint asks for, and which declarations make no sense."""

from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import Secret
from datasync.config.invalid import InvalidSpec
from datasync.config.moment import micros
from datasync.config.spec import (
    Api,
    ColumnSpec,
    CursorPaging,
    EndpointSpec,
    Incremental,
    KeysetPaging,
    LinkHeaderPaging,
    NextUrlPaging,
    NoPaging,
    OffsetPaging,
    QueryKey,
    Table,
    WindowPaging,
)
from datasync.config.spec.paging import Paging
from datasync.endpoints.paging.moments import written
from datasync.endpoints.rest import RestEndpoint
from datasync.errors import ConfigError, ContractChanged
from datasync.http.links import find_link, without_param
from datasync.model import Column
from datasync.pipeline.choice import choose
from datasync.timestamps import TimestampPolicy
from tests.resting import BASE, answer, records, rest, settings, turned

SECOND = 1_000_000
DAYS = WindowPaging(since_param="from", until_param="to", start="2024-05-30T06:00:00Z")


def test_a_request_has_what_is_declared() -> None:
    endpoint = rest(
        OffsetPaging(size=50, size_param="top", param="skip"),
        path="/things/all",
        params={"deep": True, "ratio": 0.5, "kind": "a b", "n": 3},
        headers={"X-Version": "2"},
    )
    request = endpoint.request("150")
    assert (request.method, request.path, request.url, request.content) == ("GET", "/things/all", None, None)
    assert request.params == {"deep": "true", "ratio": "0.5", "kind": "a b", "n": 3, "top": 50, "skip": 150}
    assert request.headers == {"x-version": "2"}


def test_an_endpoints_header_counts_before_that_of_the_api() -> None:
    plain = settings(NoPaging(), headers={"ACCEPT": "text/x"})
    api = Api(base_url=BASE, headers={"Accept": "application/json", "X-One": "1"})
    headers = RestEndpoint(msgspec.structs.replace(plain, api=api)).request(None).headers
    assert headers == {"accept": "text/x", "x-one": "1"}


def test_a_body_has_the_paging_parameters_where_that_is_declared() -> None:
    body = {"query": {"status": "open"}, "limit": 1}
    endpoint = rest(CursorPaging(next="next", size=20, where="body"), method="POST", body=body, params={"v": 2})
    request = endpoint.request("abc")
    assert (request.method, request.params) == ("POST", {"v": 2})
    assert msgspec.json.decode(request.content or b"") == {"query": {"status": "open"}, "limit": 20, "cursor": "abc"}
    smaller = msgspec.json.decode(endpoint.resized(request, 5).content or b"")
    assert smaller == {"query": {"status": "open"}, "limit": 5, "cursor": "abc"}
    in_query = rest(CursorPaging(next="next"), method="POST", body=body).request("abc")
    assert (in_query.params, msgspec.json.decode(in_query.content or b"")) == ({"cursor": "abc"}, body)


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (f"{BASE}/things?page=2", f"{BASE}/things?page=2"),
        ("https://API.example.com:443/v1/things?page=2", f"{BASE}/things?page=2"),
        ("/v1/things?page=2", f"{BASE}/things?page=2"),
        ("things?page=2", f"{BASE}/things?page=2"),
        ("?page=2&x=a%2Fb", f"{BASE}/things?page=2&x=a%2Fb"),
        ("../v2/others", "https://api.example.com/v2/others"),
    ],
)
def test_a_link_is_read_on_the_page_that_gives_it(link: str, url: str) -> None:
    body = answer({"data": records([1]), "next": link})
    endpoint = rest(NextUrlPaging(), params={"deep": True})
    assert turned(endpoint, body).next_cursor == url
    request = endpoint.request(url)
    assert (request.url, request.params, request.path) == (url, {}, "/things")
    headed = answer({"data": records([1])}, headers={"link": f'<{link}>; rel="next"'})
    assert turned(rest(LinkHeaderPaging()), headed).next_cursor == url


@pytest.mark.parametrize(
    "link",
    ["http://api.example.com/v1/things", "https://evil.example/", "//evil.example/x", "https://u:p@api.example.com/v1",
     "https:\\\\evil.example", "javascript:alert(1)", "https://api.example.com.evil.example/", "/v1/things#x"],
)  # fmt: skip
def test_a_link_elsewhere_is_not_followed_and_not_shown(link: str) -> None:
    with pytest.raises(ContractChanged) as caught:
        turned(rest(NextUrlPaging()), answer({"data": records([1]), "next": link}))
    assert "/v1/things" not in str(caught.value)


def test_a_key_that_an_api_repeats_in_its_links_is_not_kept() -> None:
    auth = QueryKey(key=Secret("canary-key", source="KEY"), param="appid")
    endpoint = rest(NextUrlPaging(), auth=auth)
    link = "/v1/things?page=2&appid=canary-key&b=%20c"
    assert turned(endpoint, answer({"data": records([1]), "next": link})).next_cursor == f"{BASE}/things?page=2&b=%20c"


NAMES = st.sampled_from(["a", "key", "k%65y", "b+c", ""])


@given(st.lists(st.tuples(NAMES, st.text("ab%20+=", max_size=5)), max_size=5))
def test_a_parameter_is_taken_out_of_a_url_and_nothing_else(parts: list[tuple[str, str]]) -> None:
    url = httpx.URL("https://h/p?" + "&".join(f"{name}={value}" for name, value in parts))
    left = without_param(url, "key")
    assert left.params.multi_items() == [(name, value) for name, value in url.params.multi_items() if name != "key"]


QUOTED = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), max_size=12)


@given(
    before=st.lists(st.tuples(st.sampled_from(["prev", "first", "x next-one", "nextish"]), QUOTED), max_size=4),
    rel=st.sampled_from(["next", "NEXT", "last next", "next last"]),
    quoted=st.booleans(),
    title=QUOTED,
)
def test_the_link_of_a_relation_is_found_among_all_others(
    before: list[tuple[str, str]], rel: str, quoted: bool, title: str
) -> None:
    written_rel = f'"{rel}"' if quoted or " " in rel else rel
    links = [f'<https://h/{n}?a=1,2;3>; title="{text}"; rel="{kind}"' for n, (kind, text) in enumerate(before)]
    wanted = f'<https://h/wanted>;title="{title}" ; rel={written_rel}; rel="prev"'
    assert find_link(", ".join([*links, wanted, *links]), "next") == "https://h/wanted"
    assert find_link(", ".join(links), "next") is None


@given(st.text(st.sampled_from('<>;,="\\ abrelnxt\t'), max_size=60))
def test_no_header_is_too_odd_to_be_read(header: str) -> None:
    find_link(header, "next")


def test_a_link_that_speaks_of_another_page_is_not_followed() -> None:
    assert find_link('<https://h/x>; rel=next; anchor="#foo", <https://h/y>; rel="next"', "next") == "https://h/y"


def test_single_quotes_which_the_rfc_does_not_know_are_read_as_meant() -> None:
    assert find_link("<https://h/x>; rel='next'", "next") == "https://h/x"


def test_spans_are_asked_for_from_the_start_on_with_what_lies_between_twice() -> None:
    endpoint = rest(DAYS)
    cursor, spans = None, []
    while True:
        request = endpoint.request(cursor)
        spans.append((request.params["from"], request.params["to"]))
        chunk = turned(endpoint, answer({"data": []}), cursor)
        assert chunk.total is None
        cursor = chunk.next_cursor
        if chunk.has_more is False:
            break
        assert chunk.span_end
    assert spans == [
        ("2024-05-30T06:00:00Z", "2024-05-31T05:59:59.999Z"),
        ("2024-05-31T05:59:59.998Z", "2024-06-01T05:59:59.998Z"),
        ("2024-06-01T05:59:59.997Z", "2024-06-01T12:00:00Z"),
    ]


def test_a_place_in_the_last_span_stays_one_of_its_request_in_a_later_run() -> None:
    cut = msgspec.structs.replace(DAYS, start="2024-06-01", inner=OffsetPaging(size=2))
    cursor = turned(rest(cut), answer({"data": records([1, 2])})).next_cursor
    later = RestEndpoint(settings(cut), now=lambda: 1_717_336_800.0)  # 26 hours on
    request = later.request(cursor)
    assert request.params == {"from": "2024-06-01T00:00:00Z", "to": "2024-06-01T12:00:00Z", "limit": 2, "offset": 2}
    following = turned(later, answer({"data": []}), cursor).next_cursor
    ends = later.request(following).params
    assert (ends["from"], ends["to"]) == ("2024-06-01T11:59:59.999Z", "2024-06-01T23:59:59.999Z")


def test_spans_of_dates_hold_whole_days() -> None:
    endpoint = rest(msgspec.structs.replace(DAYS, format="date", start="2024-05-31", step="1d"))
    assert endpoint.request(None).params == {"from": "2024-05-31", "to": "2024-06-01"}
    cursor = turned(endpoint, answer({"data": []})).next_cursor
    # Nobody knows whether the API means the day before to be inside.
    assert endpoint.request(cursor).params == {"from": "2024-05-31", "to": "2024-06-02"}


@pytest.mark.parametrize(
    ("form", "value"),
    [("iso", "2024-06-01T11:00:00.250Z"), ("s", 1_717_239_600), ("ms", 1_717_239_600_250), ("date", "2024-06-01")],
)
def test_what_is_newer_is_asked_for_in_the_declared_form(form: Any, value: object) -> None:
    endpoint = rest(NoPaging(), incremental=Incremental(column="at", param="since", format=form))
    endpoint.begin(None)
    assert endpoint.request(None).params == {}
    endpoint.begin(1_717_239_600 * SECOND + 250_000)
    assert endpoint.request(None).params == {"since": value}
    posted = rest(
        OffsetPaging(where="body"), method="POST", incremental=Incremental(column="at", param="since", format=form)
    )
    posted.begin(1_717_239_600 * SECOND + 250_000)
    assert msgspec.json.decode(posted.request(None).content or b"")["since"] == value


def test_spans_begin_where_the_last_round_ended() -> None:
    incremental = Incremental(column="at", until_known=3)
    endpoint = rest(DAYS, incremental=incremental)
    endpoint.begin(micros("2024-05-31T10:00:00Z"))
    assert endpoint.request(None).params == {"from": "2024-05-31T10:00:00Z", "to": "2024-06-01T05:59:59.998Z"}
    endpoint.begin(micros("2030-01-01"))  # a clock that is wrong
    assert endpoint.request(None).params == {"from": "2024-06-01T11:59:59Z", "to": "2024-06-01T12:00:00Z"}


MOMENTS = st.integers(-62_000_000_000 * SECOND, 250_000_000_000 * SECOND)


@given(us=MOMENTS, form=st.sampled_from(["iso", "s", "ms", "date"]))
def test_moments_are_written_near_and_never_beyond(us: int, form: Any) -> None:
    def back(value: str | int) -> int:
        if isinstance(value, int):
            return value * (SECOND if form == "s" else 1000)
        return micros(value)

    unit = {"iso": 1, "s": SECOND, "ms": 1000, "date": 86_400 * SECOND}[form]
    assert 0 <= us - back(written(us, form)) < unit
    assert 0 <= back(written(us, form, up=True)) - us < unit


def test_the_plan_has_the_declared_columns() -> None:
    specs = (
        ColumnSpec(name="key", path="$.meta.id", type="bigint", key=True, required=True),
        ColumnSpec(name="at", type="timestamptz", unit="ms"),
        ColumnSpec(name="local", type="timestamptz", timestamp=TimestampPolicy(assume_tz="Europe/Berlin")),
        ColumnSpec(name="source", source="constant", value="api"),
        ColumnSpec(name="rest", type="jsonb", source="rest"),
        ColumnSpec(name="came", type="timestamptz", source="ingest_time"),
    )
    plan = rest(CursorPaging(next="$.n", has_more="m", total="t"), records="$.a.b", table=Table(columns=specs)).plan
    assert (plan.records, plan.next_cursor, plan.has_more, plan.total) == ("a.b", "n", "m", "t")
    assert plan.columns[:4] == (
        Column("key", "meta.id", "bigint", key=True, required=True),
        Column("at", "at", "timestamptz", timestamp=TimestampPolicy(unit="ms")),
        Column("local", "local", "timestamptz", timestamp=TimestampPolicy(assume_tz="Europe/Berlin")),
        Column("source", "", "text", source="constant", constant='"api"'),
    )
    choose(plan, None)  # the core takes it
    assert rest(NoPaging()).plan.columns == (
        Column("id", "id", "text", required=True, key=True), Column("data", "", "jsonb", required=True)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("paging", "spec", "about"),
    [
        (KeysetPaging(), {"table": Table(columns=(ColumnSpec(name="a"),))}, "field"),
        (KeysetPaging(field="a[["), {}, "field"),
        (msgspec.structs.replace(DAYS, start="2030-01-01"), {}, "past"),
        (msgspec.structs.replace(DAYS, step="1h", format="date"), {}, "step"),
        (msgspec.structs.replace(DAYS, total="t"), {}, "inner"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(paging: Paging, spec: dict[str, Any], about: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rest(paging, **spec)
    assert about in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("kind", "values", "key"),
    [
        (EndpointSpec, {"name": "a", "path": "/x?a=1"}, "path"),
        (EndpointSpec, {"name": "a", "path": "https://other/x"}, "path"),
        (EndpointSpec, {"name": "a", "headers": {"Host": "x"}}, 'headers."Host"'),
        (EndpointSpec, {"name": "a", "headers": {"X-A": "b\r\nc"}}, 'headers."X-A"'),
        (CursorPaging, {"next": "n", "ttl": "soon"}, "ttl"),
        (WindowPaging, {"since_param": "a", "until_param": "b", "start": "yesterday"}, "start"),
        (WindowPaging, {"since_param": "a", "until_param": "b", "start": "2024-01-01", "step": "0"}, "step"),
        (ColumnSpec, {"name": "a", "timestamp": TimestampPolicy()}, "timestamp"),
        (ColumnSpec, {"name": "a", "type": "timestamptz", "unit": "s", "timestamp": TimestampPolicy()}, "unit"),
        (ColumnSpec, {"name": "a", "type": "timestamptz", "timestamp": TimestampPolicy(assume_tz="X")}, "timestamp"),
        (ColumnSpec, {"name": "a", "type": "timestamptz", "timestamp": TimestampPolicy(latest="X")}, "timestamp"),
    ],
)
def test_a_part_that_makes_no_sense_can_not_be_made(kind: type[Any], values: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        kind(**values)
    assert caught.value.key == key


def test_without_a_description_there_is_no_endpoint() -> None:
    with pytest.raises(ConfigError, match="rest"):
        RestEndpoint(msgspec.structs.replace(settings(NoPaging()), spec=None))
