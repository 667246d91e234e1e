"""URLs in other people's messages lose their secrets and nothing else."""

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.http.redact import LOGGERS, describe, quieten, redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://h/p?api_key=s&limit=5", "GET https://h/p?api_key=***&limit=5"),
        ("https://h/p?limit=5&X-Amz-Signature=s#x", "https://h/p?limit=5&X-Amz-Signature=***#x"),
        ("https://h/p?sig=s&se=1", "https://h/p?sig=***&se=1"),
        ("https://h/p?Access_Token=s", "https://h/p?Access_Token=***"),
        ("https://h/p?client%5Fsecret=s", "https://h/p?client%5Fsecret=***"),
        ("https://h/p?%6bey=s", "https://h/p?%6bey=***"),
        ("https://h/p?a=1;password=s;b=2", "https://h/p?a=1;password=***;b=2"),
        ("https://h/p#id_token=s", "https://h/p#id_token=***"),
        ("/p?pwd=s", "/p?pwd=***"),
        ("https://h/cb?code=s&state=1", "https://h/cb?code=***&state=1"),
        ("URL('https://user:pass@h:1/p')", "URL('https://***@h:1/p')"),
        ("https://user@h/p", "https://***@h/p"),
        ("postgresql://u:p@@h/db", "postgresql://***@h/db"),
        ("https://h/p?key=s and https://h/q?key=t", "https://h/p?key=*** and https://h/q?key=***"),
        ("line one\nhttps://h/p?key=s\nline three", "line one\nhttps://h/p?key=***\nline three"),
        # These stay as they are.
        ("https://h/p?cursor=abc&limit=5", "https://h/p?cursor=abc&limit=5"),
        ("https://h/p?design=1&zipcode=2", "https://h/p?design=1&zipcode=2"),
        ("https://h/p?key=&a=1", "https://h/p?key=&a=1"),
        ("mail to a@b.example", "mail to a@b.example"),
        ("is it? key=value", "is it? key=value"),
    ],
)
def test_secrets_in_urls_are_replaced(text: str, expected: str) -> None:
    assert redact(text) == expected


NAMES = ["key", "API-KEY", "token", "x_token", "secret", "password", "passwd", "signature", "sig", "auth", "jwt"]
SAFE = st.text(alphabet="abcXYZ019-._~%+/", max_size=20)


@given(
    secret=st.from_regex(r"canary[A-Za-z0-9._~%+/=-]{0,20}", fullmatch=True),
    name=st.sampled_from(NAMES),
    before=SAFE,
    after=SAFE,
)
def test_no_text_around_it_uncovers_a_secret(secret: str, name: str, before: str, after: str) -> None:
    text = f"{before} https://host/path?a={after}&{name}={secret}&b=1 {after}"
    redacted = redact(text)
    assert "canary" not in redacted
    assert redacted == redact(redacted)
    assert redacted == text.replace(secret, "***")


@given(st.text(alphabet="ab:/?&=#@;\n key", max_size=60))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_an_exception_without_a_message_is_named() -> None:
    assert describe(ValueError("https://u:p@h/")) == "https://***@h/"
    assert describe(TimeoutError()) == "TimeoutError"


def test_the_libraries_log_warnings_only_and_without_secrets_whoever_takes_them() -> None:
    quieten()
    quieten()  # twice is once
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = False
        try:
            logger.info("HTTP Request: GET %s", "https://h/?key=canary")
            logger.debug("receive_response_headers.complete %r", [(b"X-Token", b"canary")])
            logger.warning("odd: %s", "https://h/?key=canary")
        finally:
            logger.removeHandler(handler)
            logger.propagate = True
        assert len(logger.filters) == 1
    assert stream.getvalue() == "odd: https://h/?key=***\n" * len(LOGGERS)
