"""What is written reads back as the structs that it was written from."""

import tomllib
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datasync.config import Secret
from datasync.config.spec import (
    Config,
    CursorPaging,
    HeaderCursorPaging,
    KeysetPaging,
    LinkHeaderPaging,
    NextUrlPaging,
    NoPaging,
    OffsetPaging,
    PageNumberPaging,
    Renewal,
)
from datasync.discovery import spec
from datasync.discovery.address import parse
from datasync.discovery.columns import KEY_KINDS, infer
from datasync.discovery.credentials import Given
from datasync.discovery.findings import (
    ColumnFound,
    CursorFound,
    Findings,
    PagingFound,
    ParameterFound,
    RenewalFound,
    SizeFound,
)
from datasync.discovery.leads import Elsewhere, Lead, leads
from datasync.discovery.toml import render
from datasync.errors import ConfigError, ContractChanged

NOW = 1_767_225_600_000_000
KEY = Given({"X-Api": Secret("canary-value", source="MY_KEY"), "X-More": Secret("canary-more", source="OTHER")})

VARIABLES = {"DATABASE_URL": "postgresql://h/d", "MY_KEY": "canary-value", "OTHER": "canary-more"}


def back(text: str) -> Config:
    def secret(kind: type, value: Any) -> Any:
        assert kind is Secret
        name = value.removeprefix("${").removesuffix("}")
        return Secret(VARIABLES[name], source=name)

    return msgspec.convert(tomllib.loads(text), Config, dec_hook=secret)


def plain(config: Config) -> Any:
    """The same with references for secrets, as a file has them, so that it can be compared."""

    def reference(secret: Secret) -> str:
        return f"${{{secret.source}}}"

    return msgspec.to_builtins(config, enc_hook=reference)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
GIVEN = TEXT.filter(lambda text: bool(text.strip()))
NAMES = st.text(st.characters(categories=["L", "N"], include_characters="_- "), min_size=1, max_size=15)
FIELDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), TEXT, st.floats(allow_nan=False), st.lists(st.integers()))
RECORDS = st.lists(st.dictionaries(FIELDS, VALUES, max_size=6), max_size=8)


PATHS = ["events", "a%20b/", "", "x?q=1&r=%24%7BHOME%7D"]
NO_ADDRESSES = [
    "ftp://h/x",
    "https:///x",
    "https://u:p@h/x",
    "https://h/x?api_key=1",
    "h/x",
    "https://h/a b",
    "https://h/x?a=1&a=2",
]


@st.composite
def findings(draw: st.DrawFn) -> Findings:
    paging = draw(
        st.one_of(
            st.builds(CursorPaging, next=GIVEN, param=GIVEN),
            st.builds(HeaderCursorPaging, header=GIVEN),
            st.builds(NextUrlPaging, next=GIVEN),
            st.builds(KeysetPaging, param=GIVEN),
            st.builds(OffsetPaging, param=GIVEN, short=st.booleans()),
            st.builds(PageNumberPaging, first=st.integers(0, 1), pages=st.one_of(st.none(), TEXT)),
            st.sampled_from([NoPaging(), LinkHeaderPaging()]),
        )
    )
    columns = infer(draw(RECORDS), NOW)
    size = st.builds(
        SizeFound,
        param=st.one_of(st.none(), GIVEN),
        largest=st.one_of(st.none(), st.integers(1, 9999)),
        cap=st.one_of(st.none(), st.integers(1, 9999)),
        refused=st.none(),
        default=st.integers(1, 100),
    )
    constants = st.dictionaries(
        FIELDS, TEXT.filter(lambda text: text[:1] != "$") | st.integers() | st.booleans(), max_size=2
    )
    renew = Renewal(members={**draw(constants), "id": "$key", "ts": "$timestamp_ms"}, expires="exp_", lifetime="9s")
    return Findings(
        "https://h/v1/list",
        40,
        records=draw(TEXT),
        format=draw(st.sampled_from(["json", "ndjson", "csv"])),
        columns=columns,
        key=draw(st.sampled_from([None, *(one.name for one in columns if one.kind in KEY_KINDS)])),
        total=draw(st.one_of(st.none(), st.integers(0))),
        total_path=draw(st.one_of(st.none(), TEXT)),
        has_more=draw(st.one_of(st.none(), TEXT)),
        size=draw(st.one_of(st.none(), size)),
        paging=draw(st.one_of(st.none(), st.just(PagingFound(paging, "verified", draw(TEXT))))),
        cursor=draw(st.one_of(st.none(), st.just(CursorFound(119.0, draw(TEXT), ("EXPIRED",))))),
        renewal=draw(st.sampled_from([None, RenewalFound(renew, "so")])),
        parameters=(ParameterFound("since", "2026", "honoured", column="created_at"),) if draw(st.booleans()) else (),
        notes=draw(st.lists(TEXT, max_size=2)),
    )


@given(
    found=findings(),
    name=st.one_of(st.none(), NAMES, st.builds("{}.{}".format, NAMES, NAMES)),
    path=st.sampled_from(["events", "a%20b/", "", "x?q=1&r=%24%7BHOME%7D"]),
)
def test_what_is_written_is_what_was_found(found: Findings, name: str | None, path: str) -> None:
    config = spec.config(found, parse(f"https://api.example.com/v1/{path}"), KEY, name)
    text = spec.written(found, config)
    assert plain(back(text)) == plain(config)
    assert "canary" not in text


@given(records=RECORDS)
@example(records=[{"a b": 1, "a_b": 2, "a.b": 3, "ingested_at": 4, "1": 5, "": 6, "\x00": 7, '"': 8}])
def test_columns_have_names_of_their_own_that_postgresql_takes(records: list[dict[str, Any]]) -> None:
    names = [one.name for one in infer(records, NOW)]
    assert len(set(names)) == len(names)
    assert "ingested_at" not in names
    assert all(name.isprintable() and 0 < len(name.encode()) <= 63 for name in names)


def test_a_reference_in_what_the_api_says_is_no_reference() -> None:
    found = Findings("https://h/v1/l", 1, records="", columns=(ColumnFound("x", "${HOME}", "text", "strings"),))
    config = spec.config(found, parse("https://h/v1/l"), Given())
    assert config.endpoints[0].table.columns is not None
    assert config.endpoints[0].table.columns[0].path == "$${HOME}"


def test_the_key_is_a_reference_in_every_place() -> None:
    found = Findings("https://h/v1/l", 1, records="data")
    for given_, wanted in (
        (KEY, {"kind": "header", "header": "X-Api", "key": "${MY_KEY}"}),
        (Given(bearer=KEY.headers["X-Api"]), {"kind": "bearer", "token": "${MY_KEY}"}),
        (Given(params={"k": KEY.headers["X-Api"]}), {"kind": "query", "param": "k", "key": "${MY_KEY}"}),
        (Given(), {"kind": "none"}),
    ):
        api = tomllib.loads(spec.written(found, spec.config(found, parse("https://h/v1/l"), given_)))["api"]
        assert api.get("auth", {"kind": "none"}) == wanted
    assert tomllib.loads(spec.written(found, spec.config(found, parse("https://h/l"), KEY)))["api"]["headers"] == {
        "X-More": "${OTHER}"
    }


@given(comment=TEXT)
def test_a_comment_never_becomes_content(comment: str) -> None:
    config = spec.config(Findings("https://h/l", 1, records="data"), parse("https://h/l"), Given())
    text = render(config, {"api": comment, "endpoint.records": comment}, head=comment)
    assert plain(back(text)) == plain(config)


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_an_address_that_is_none_or_holds_a_key_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        parse(url)


def test_what_is_no_list_is_not_written() -> None:
    with pytest.raises(ContractChanged):
        spec.config(Findings("https://h/l", 1), parse("https://h/l"), Given())


def test_a_link_to_another_origin_is_told_and_not_followed() -> None:
    from datasync.discovery.document import read
    from datasync.http.transport import Answer

    body = b'{"data":[{"id":1}],"next":"https://evil.example/steal"}'
    answer = Answer(200, {"link": '<https://other.example/2>; rel="next"'}, body, len(body), NOW)
    found = list(leads(answer, read(body, "application/json"), "https://api.example.com/list"))
    assert len(found) == 2
    assert all(isinstance(one, Elsewhere) and not isinstance(one, Lead) for one in found)
