"""Credentials and links stay on one origin, however a URL is written."""

from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import Secret
from datasync.errors import ContractChanged
from datasync.http.auth import ApiKeyAuth
from datasync.http.origin import MAX_LINK, Origin, refuse_redirect, same_origin
from datasync.http.transport import Answer

BASE = "https://api.example.com/v1/events"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/v2/events?a=1", "https://api.example.com/v2/events?a=1"),
        ("more", "https://api.example.com/v1/more"),
        ("?cursor=b", "https://api.example.com/v1/events?cursor=b"),
        ("../x", "https://api.example.com/x"),
        ("https://api.example.com/x", "https://api.example.com/x"),
        ("HTTPS://API.Example.COM/x", "https://api.example.com/x"),
        ("https://api.example.com:443/x", "https://api.example.com/x"),
        ("//api.example.com/x", "https://api.example.com/x"),
        ("/%2f%2fevil.example/x", "https://api.example.com/%2f%2fevil.example/x"),
    ],
)
def test_a_link_on_the_same_origin_is_resolved(link: str, expected: str) -> None:
    assert same_origin(BASE, link) == expected


@pytest.mark.parametrize(
    ("base", "link"),
    [
        ("http://h/api", "http://h:80/x"),
        ("http://h:80/api", "http://h/x"),
        ("http://h:8080/api", "//h:8080/x"),
        ("http://[::1]:80/api", "http://[::1]/x"),
    ],
)
def test_the_default_port_may_be_written_or_not(base: str, link: str) -> None:
    assert urlsplit(same_origin(base, link)).path == "/x"


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    "link",
    [
        "http://api.example.com/x",  # another scheme
        "https://api.example.com:444/x",
        "https://api.example.com:80/x",
        "https://example.com/x",
        "https://evil.example/x",
        "https://evil.api.example.com/x",
        "https://api.example.com.evil.example/x",
        "https://api.example.com./x",
        "https://api.example.com%2eevil.example/x",
        "//evil.example/x",
        "//evil.example",
        "///evil.example/x",
        "////evil.example/x",
        "https:evil.example/x",
        "https:/evil.example/x",
        "https:///evil.example/x",
        "\\\\evil.example\\x",
        "/\\evil.example/x",
        "https://api.example.com\\@evil.example/x",
        "https://evil.example\\.api.example.com/x",
        "https://api.example.com@evil.example/x",
        "https://user@api.example.com/x",
        "https://user:password@api.example.com/x",
        "https://@evil.example/x",
        "https://evil.example#@api.example.com/x",
        "https://evil.example?@api.example.com/x",
        "https://\u0430pi.example.com/x",  # the first letter is Cyrillic
        "https://api\u3002example\u3002com/x",  # full stops that IDNA takes for dots
        "https://[::1]/x",
        "https://[::1/x",
        "https://api.example.com:port/x",
        "https://api.example.com:99999/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "ht\ttps://api.example.com/x",
        "/x\r\nHost: evil.example",
        "/x\ny",
        " //evil.example",
        "/a b",
        "/x\x00",
        "/x\x85",
        "/x#fragment",
        "",
        "/" + "x" * MAX_LINK,
    ],
)
def test_a_link_that_leads_elsewhere_or_can_be_read_in_two_ways_is_refused(link: str) -> None:
    with pytest.raises(ContractChanged):
        same_origin(BASE, link)


def test_the_error_tells_the_other_origin_and_not_what_the_link_holds() -> None:
    with pytest.raises(ContractChanged) as caught:
        same_origin(BASE, "https://user:canary@evil.example:8443/canary?token=canary")
    assert "https://evil.example:8443 instead of https://api.example.com" in str(caught.value)
    assert "canary" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"


SIGNS = ["https:", "http:", "//", "/", "\\", "@", ":", "?", "#", "..", ".", "443", "444", "%2f", "%40", "\t", "\n"]
HOSTS = ["api.example.com", "API.EXAMPLE.COM", "evil.example", "user", "[::1]", "\u3002", "\u0430"]
PIECES = st.sampled_from(SIGNS + HOSTS)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_whatever_is_accepted_is_on_the_origin_for_another_parser_too(link: str) -> None:
    try:
        url = same_origin(BASE, link)
    except ContractChanged:
        return
    # The standard library's parser, and WHATWG's rule that a backslash is a slash.
    for text in (url, url.replace("\\", "/")):
        parts = urlsplit(text)
        assert (parts.scheme, parts.hostname, parts.port) == ("https", "api.example.com", None)
        assert parts.username is None
        assert parts.password is None
    assert same_origin(BASE, url) == url


@given(
    st.lists(st.from_regex(r"[a-z0-9._~-]{1,8}", fullmatch=True).filter(lambda part: set(part) != {"."}), min_size=1)
)
def test_every_ordinary_path_is_accepted_as_it_is(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    assert same_origin(BASE, path) == f"https://api.example.com{path}"


@given(st.lists(PIECES, max_size=8).map("".join))
def test_the_key_travels_only_where_the_origin_is_the_configured_one(text: str) -> None:
    auth = ApiKeyAuth("X-API-Key", Secret("canary", source="API_KEY"), base_url=BASE)
    try:
        request = httpx.Request("GET", text)
    except (httpx.InvalidURL, ValueError, TypeError):
        return
    signed = next(auth.auth_flow(request))
    # What httpx connects to is what counts.
    ours = (request.url.scheme, request.url.host, request.url.port) == ("https", "api.example.com", None)
    assert ("x-api-key" in signed.headers) is ours


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("https://api.example.com", False),
        ("http://api.example.com", True),
        ("http://192.168.0.1", True),
        ("http://127.0.0.1:8080", False),
        ("http://127.8.9.1", False),
        ("http://[::1]:1", False),
        ("http://localhost", False),
        ("http://LOCALHOST", False),
        ("http://api.localhost", False),
        ("http://localhost.example.com", True),
        ("http://notlocalhost", True),
    ],
)
def test_unencrypted_is_harmless_on_loopback_only(url: str, exposed: bool) -> None:
    assert Origin.of(url).exposed is exposed


def redirect(location: str | None, status: int = 302) -> Answer:
    return Answer(status, {} if location is None else {"location": location}, b"", 0, 0)


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://user:canary@evil.example/canary?key=canary", "to https://evil.example;"),
        ("http://169.254.169.254/latest/meta-data/canary", "to http://169.254.169.254;"),
        ("//evil.example/canary", "to //evil.example;"),
        ("/login?next=canary", "to another path;"),
        ("http://h:canary/", "to a place that is no URL;"),
    ],
)
def test_a_redirect_names_the_origin_it_leads_to_and_no_more(location: str, named: str) -> None:
    with pytest.raises(ContractChanged, match="GET /events: 302") as caught:
        refuse_redirect(redirect(location), where="GET /events")
    assert named in str(caught.value)
    assert "base URL" in str(caught.value.hint)
    assert "canary" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize("answer", [redirect(None, 304), redirect("/x", 200), redirect("/x", 201), redirect("/x", 404)])
def test_other_answers_are_no_redirects(answer: Answer) -> None:
    refuse_redirect(answer, where="GET /events")
