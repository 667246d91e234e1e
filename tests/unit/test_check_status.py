import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.errors import (
    AuthError,
    ContractChanged,
    NotAPage,
    ProxyRefused,
    RateLimited,
    RetriableSourceError,
    ServerError,
    SourceError,
)
from datasync.http.retry import SAMPLE_BYTES, check_status, server_time
from datasync.http.transport import Answer
from tests.support import API_KEY


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, RateLimited),
        *((status, ServerError) for status in (408, 425, 500, 502, 503, 504, 520, 524, 529)),
        (401, AuthError),
        (403, AuthError),
        (407, ProxyRefused),
        *((status, ContractChanged) for status in (204, 301, 400, 404, 501, 505, 511)),
    ],
)
def test_each_status_means_one_thing(status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=str(status)) as caught:
        check_status(answer(status), where="GET /events", key_source="API_KEY")
    assert type(caught.value) is error


@given(status=st.integers(100, 999).filter(lambda status: status != 200))
def test_whatever_is_not_asked_for_again_says_what_to_do(status: int) -> None:
    with pytest.raises(SourceError) as caught:
        check_status(answer(status), where="GET /events", key_source="API_KEY")
    assert isinstance(caught.value, RetriableSourceError) or caught.value.hint


def test_a_part_of_a_page_and_a_page_that_is_known_have_advice_of_their_own() -> None:
    for status, word in {206: "Range", 304: "If-None-Match", 302: "no place", 299: "200", 999: "no status"}.items():
        with pytest.raises(ContractChanged) as caught:
            check_status(answer(status), where="GET /events", key_source="API_KEY")
        assert word in str(caught.value.hint)


def test_status_200_passes() -> None:
    check_status(answer(200, body=b"  \xef\xbb\xbf{}"), where="GET /events", key_source="API_KEY")


@pytest.mark.parametrize("body", [b"{}", b"[]", b" \n {}", b"\xef\xbb\xbf{}", b'"text"', b"null", b"broken"])
def test_a_body_that_is_no_html_is_left_to_the_decoder(body: bytes) -> None:
    check_status(answer(200, {"content-type": "text/html"}, body=body), where="GET /events", key_source="API_KEY")


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    "body", [b"", b" \r\n ", b"<!DOCTYPE html>", b"\xef\xbb\xbf\n<html>", b"<?xml version='1.0'?>"]
)
def test_html_or_nothing_with_200_is_not_a_page(body: bytes) -> None:
    with pytest.raises(NotAPage) as caught:
        check_status(
            answer(200, {"content-type": "application/json"}, body=body), where="GET /events", key_source="API_KEY"
        )
    assert caught.value.hint


@pytest.mark.fault(3)
@pytest.mark.parametrize("status", [200, 404])
def test_the_sample_of_an_unexpected_body_is_short_and_holds_no_key(status: int) -> None:
    body = (
        f"<html>\n<title>Sign in</title> you asked for /events?cursor=eyJpZCI6ImEiLCJ0cyI6MX0%3D&amp;key={API_KEY}"
        + "x" * 5000
    ).encode()
    with pytest.raises(SourceError) as caught:
        check_status(answer(status, body=body), where="GET /events", key_source="API_KEY")
    assert "<title>Sign in</title>" in str(caught.value)
    assert API_KEY not in str(caught.value)
    assert "eyJpZCI6" not in str(caught.value)
    assert len(str(caught.value)) < SAMPLE_BYTES + 80


def test_no_secret_is_cut_to_a_length_that_passes_for_a_word() -> None:
    for before in range(SAMPLE_BYTES - len(API_KEY), SAMPLE_BYTES + 1):
        with pytest.raises(ContractChanged) as caught:
            check_status(answer(404, body=b"." * before + b" " + API_KEY.encode()), where="GET /", key_source="API_KEY")
        assert API_KEY[:6] not in str(caught.value)


def test_a_code_of_the_api_stays_readable_in_the_sample() -> None:
    with pytest.raises(ContractChanged, match="ENDPOINT_NOT_FOUND"):
        check_status(answer(404, body=b'{"code": "ENDPOINT_NOT_FOUND"}'), where="GET /", key_source="API_KEY")


def test_a_refused_key_is_reported_by_the_name_of_its_variable() -> None:
    with pytest.raises(AuthError, match="API_KEY"):
        check_status(answer(401), where="GET /events", key_source="API_KEY")


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("date", "milliseconds"),
    [
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1445412480000),
        ("yesterday", None),
        (None, None),
        ("Mon, 15 Jan 99999999999999999999 10:00:00 GMT", None),
    ],
)
def test_the_servers_clock_is_read_from_its_date(date: str | None, milliseconds: int | None) -> None:
    assert server_time(answer(400, {"date": date} if date else {})) == milliseconds


def answer(status: int, headers: dict[str, str] | None = None, *, body: bytes = b"{}") -> Answer:
    return Answer(status, headers or {}, body, len(body), 0)
