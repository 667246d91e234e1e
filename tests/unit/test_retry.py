import asyncio

import pytest

from datasync.errors import (
    AuthError,
    ContractChanged,
    NetworkError,
    RateLimited,
    RetriableSourceError,
    ServerError,
)
from datasync.http.retry import check_status, retrying, server_time
from datasync.http.transport import Answer
from tests.support import Clock

DELAYS = (1.0, 2.0, 4.0, 8.0)


def run(errors: list[RetriableSourceError], clock: Clock) -> int:
    """Fail with each of `errors`, then succeed; give the number of attempts."""
    left = list(errors)
    attempts = 0

    async def attempt() -> int:
        nonlocal attempts
        attempts += 1
        if left:
            raise left.pop(0)
        return attempts

    seen: list[RetriableSourceError] = []
    asyncio.run(retrying(attempt, delays=DELAYS, wait=clock.sleep, failed=seen.append))
    assert seen == errors
    return attempts


def test_failures_wait_one_two_four_eight_seconds() -> None:
    clock = Clock()
    start = clock.now
    assert run([ServerError("503")] * 4, clock) == 5
    assert clock.now - start == 15


def test_the_fifth_failure_in_a_row_ends_the_retries() -> None:
    clock = Clock()
    start = clock.now
    with pytest.raises(NetworkError, match="reset"):
        run([NetworkError("reset")] * 5, clock)
    assert clock.now - start == 15


def test_refusals_use_up_no_retries() -> None:
    clock = Clock()
    assert run([RateLimited("429", headers={})] * 100, clock) == 101


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, RateLimited),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (504, ServerError),
        (401, AuthError),
        (403, AuthError),
        (404, ContractChanged),
        (301, ContractChanged),
        (204, ContractChanged),
    ],
)
def test_each_status_means_one_thing(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_status(answer(status), where="GET /events", key_source="API_KEY")


def test_status_200_passes() -> None:
    check_status(answer(200), where="GET /events", key_source="API_KEY")


def test_a_refused_key_is_reported_by_the_name_of_its_variable() -> None:
    with pytest.raises(AuthError, match="API_KEY"):
        check_status(answer(401), where="GET /events", key_source="API_KEY")


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


def answer(status: int, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, b"<html>", 6, 0)
