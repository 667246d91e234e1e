"""Which answers are refusals by a limit, of which kind, and how long they say to wait."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.limits.body import MAX_BODY, codes, messages
from datasync.limits.quota import Quota
from datasync.limits.refusal import CHEAP, is_limit_signal, refusal_hints
from datasync.limits.values import FOREVER

GITHUB_SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
SALESFORCE = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
LINEAR = {"errors": [{"message": "Rate limit exceeded", "extensions": {"code": "RATELIMITED", "type": "ratelimited"}}]}
THROTTLE = {"maximumAvailable": 2000.0, "currentlyAvailable": 400, "restoreRate": 100.0}
SHOPIFY = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {"cost": {"requestedQueryCost": 652, "actualQueryCost": None, "throttleStatus": THROTTLE}},
}
GOOGLE = {
    "error": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "message": "You exceeded your current quota.",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "RequestsPerMinute"}]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12s"},
        ],
    }
}
PROBLEM = "https://iana.org/assignments/http-problem-types#"


def encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.fault(1)
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {}, b""),
        (429, {}, b"<html><h1>429 Too Many Requests</h1></html>"),
        (429, {}, {"error": {"type": "rate_limit_error", "code": "rate_limit"}}),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-limit": "5000"}, {"message": "API rate limit exceeded"}),
        (403, {"x-ratelimit-remaining": "0"}, b"<html>"),
        (403, {}, GITHUB_SECONDARY),
        (403, {"retry-after": "60"}, b""),
        (403, {"retry-after": ""}, b""),
        (403, {"sforce-limit-info": "api-usage=5000/5000"}, b""),
        (403, {}, SALESFORCE),
        (403, {}, {"error": {"errors": [{"reason": "userRateLimitExceeded"}], "code": 403, "message": "no"}}),
        (400, {}, LINEAR),
        (400, {}, {"__type": "com.amazonaws.example#ThrottlingException"}),
        (200, {}, SHOPIFY),
        (200, {}, {"ok": False, "error": "ratelimited"}),
        (200, {}, LINEAR),
        (529, {"retry-after": "1"}, b""),
        (529, {}, {"object": "error", "code": "rate_limited"}),
        (503, {"retry-after": "Wed, 21 Oct 2015 07:28:10 GMT"}, b""),
        (503, {}, {"type": PROBLEM + "temporary-reduced-capacity"}),
    ],
)
def test_a_refusal_by_a_limit_is_one(status: int, headers: dict[str, str], body: Any) -> None:
    assert is_limit_signal(status, headers, encoded(body))


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {}, {"error": {"type": "invalid_request_error", "code": "lock_timeout", "message": "..."}}),
        (403, {"x-ratelimit-remaining": "4999"}, {"message": "Resource not accessible by integration"}),
        (403, {}, b"<html>403 Forbidden</html>"),
        (401, {"retry-after": "5"}, {"message": "Bad credentials"}),
        (400, {}, {"error": "Bad Request", "code": "CURSOR_EXPIRED"}),
        (404, {"x-ratelimit-remaining": "0"}, {"message": "Not Found"}),
        (500, {"retry-after": "5"}, {"code": "RATE_LIMIT_EXCEEDED"}),
        (502, {}, b"<html>Bad Gateway</html>"),
        (503, {}, b"<html>Service Unavailable</html>"),
        (503, {"retry-after": "soon"}, b""),
        (529, {}, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        (302, {"retry-after": "5"}, b""),
        (200, {"x-ratelimit-remaining": "0", "retry-after": "5"}, {"data": []}),
        (200, {}, {"data": [{"code": "THROTTLED", "error": "ratelimited", "ok": False}]}),
        (200, {}, {"ok": True, "error": "ratelimited"}),
        (200, {}, b"THROTTLED"),
    ],
)
def test_what_is_no_refusal_by_a_limit_is_none(status: int, headers: dict[str, str], body: Any) -> None:
    assert not is_limit_signal(status, headers, encoded(body))


def test_a_large_successful_answer_is_not_searched() -> None:
    body = encoded(SHOPIFY)
    assert is_limit_signal(200, {}, body + b" " * (CHEAP - len(body)))
    assert not is_limit_signal(200, {}, body + b" " * CHEAP)


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ({}, b"", "rate"),
        ({"stripe-rate-limited-reason": "global-concurrency"}, b"", "concurrency"),
        ({"stripe-rate-limited-reason": "endpoint-rate"}, b"", "rate"),
        ({"twilio-concurrent-requests": "99"}, {"code": 20429, "message": "Too Many Requests"}, "concurrency"),
        ({}, {"code": 20429, "message": "Too Many Requests"}, "rate"),
        ({}, {"errorCode": "E0000047", "errorSummary": "Too many concurrent requests in flight"}, "concurrency"),
        ({}, {"errorCode": "E0000047", "errorSummary": "API call exceeded rate limit."}, "rate"),
        ({"x-rate-limit-problem": "Concurrent"}, b"", "concurrency"),
        ({"x-rate-limit-problem": "day"}, b"", "daily"),
        ({"x-rate-limit-problem": "minute"}, b"", "rate"),
        ({}, {"errorType": "RATE_LIMIT", "policyName": "DAILY"}, "daily"),
        ({}, {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}, "rate"),
        ({}, SALESFORCE, "daily"),
        (
            {},
            [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentPerOrgLongTxn Limit exceeded."}],
            "concurrency",
        ),
        ({}, GOOGLE, "rate"),
        ({}, {"error": {"details": [{"violations": [{"quotaId": "RequestsPerDayPerProject"}]}]}}, "daily"),
        ({}, {"error": {"errors": [{"reason": "dailyLimitExceeded"}]}}, "daily"),
        ({}, {"type": PROBLEM + "temporary-reduced-capacity"}, "overload"),
        ({}, {"type": PROBLEM + "quota-exceeded", "violated-policies": ["burst"]}, "rate"),
        ({}, {"type": "error", "error": {"type": "overloaded_error"}}, "overload"),
    ],
)
def test_a_refusal_tells_its_kind(headers: dict[str, str], body: Any, kind: str) -> None:
    assert refusal_hints(headers, encoded(body), wall=0.0).kind == kind


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({}, b"", None),
        ({"retry-after": "7"}, b"", 7.0),
        ({}, {"message": "You are being rate limited.", "retry_after": 64.57, "global": False}, 64.57),
        ({}, {"code": "RATE_LIMIT_EXCEEDED", "rateLimit": {"limit": 10, "remaining": 0, "retryAfter": 28}}, 28.0),
        ({"retry-after": "30"}, {"rateLimit": {"retryAfter": 28}}, 30.0),
        ({}, GOOGLE, 12.0),
        ({}, {"retry_after": "2.5s"}, 2.5),
        ({}, {"retry_after": -1}, 0.0),
        ({}, {"retry_after": True}, None),
        ({}, {"retry_after": [5]}, None),
        ({}, b'{"retry_after": 99999999999999999999999999}', None),
        ({}, {"retry_after": 2e9}, None),
        ({}, SHOPIFY, 2.52),
    ],
)
def test_a_refusal_tells_how_long_to_wait(headers: dict[str, str], body: Any, seconds: float | None) -> None:
    assert refusal_hints(headers, encoded(body), wall=0.0).retry_after == seconds


def test_a_refused_graphql_query_tells_the_budget() -> None:
    quota = refusal_hints({}, encoded(SHOPIFY), wall=0.0).quota
    assert quota == Quota("", "cost", 2000.0, 400.0, rate=100.0, source="shopify")


def test_the_limits_own_name_is_kept_for_people() -> None:
    assert refusal_hints({"ratelimit-reason": "jira-burst-based"}, b"", wall=0.0).reason == "jira-burst-based"


KEYS = [
    *("error", "errors", "extensions", "details", "code", "message", "ok", "cost", "throttleStatus"),
    *(
        "currentlyAvailable",
        "restoreRate",
        "requestedQueryCost",
        "retry_after",
        "rateLimit",
        "retryAfter",
        "retryDelay",
    ),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS | st.sampled_from(["THROTTLED", "12s"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=30,
)


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["retry-after", "stripe-rate-limited-reason", "date"]), st.text()),
    JSON.map(lambda value: json.dumps(value).encode()) | st.binary(),
)
def test_no_body_raises_or_asks_for_an_endless_wait(status: int, headers: dict[str, str], body: bytes) -> None:
    is_limit_signal(status, headers, body)
    hints = refusal_hints(headers, body, wall=0.0)
    assert hints.retry_after is None or (math.isfinite(hints.retry_after) and 0 <= hints.retry_after <= FOREVER)


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b'{"error":' * 6000 + b"1" + b"}" * 6000, b"1" * 60_000, b'{"retry_after":' + b"9" * 5000 + b"}"],
)
def test_no_hostile_body_raises(body: bytes) -> None:
    assert is_limit_signal(429, {}, body)
    assert refusal_hints({}, body, wall=0.0).retry_after is None


def test_of_a_body_only_so_much_is_looked_at() -> None:
    wide = {"errors": [{"errors": [{"errors": [{"code": "x", "message": "m"}] * 50}] * 50}] * 50}
    assert len(codes(wide)) <= 16
    assert messages(wide).count("m") <= 16
    assert refusal_hints({}, b'{"retry_after": 5}' + b" " * MAX_BODY, wall=0.0).retry_after is None
