"""Which answers are asked for again, and when."""

from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar

from datasync.errors import (
    AuthError,
    ContractChanged,
    RateLimited,
    RetriableSourceError,
    ServerError,
)
from datasync.http.transport import Answer

T = TypeVar("T")

SAMPLE_BYTES = 200
"""How much of an unexpected answer an error shows."""


def check_status(answer: Answer, *, where: str, key_source: str) -> None:
    """Raise what an answer's status means; 200 passes.

    Raises:
        RateLimited: 429.
        ServerError: 5xx.
        AuthError: 401 and 403, naming where the key came from.
        ContractChanged: anything else.
    """
    status = answer.status
    if status == 200:
        return
    if status == 429:
        raise RateLimited(f"{where}: 429", headers=answer.headers)
    if status >= 500:
        raise ServerError(f"{where}: {status}")
    if status in (401, 403):
        raise AuthError(
            f"{where}: {status}, the API refused the key in {key_source}",
            hint=f"check the value of {key_source}",
        )
    sample = answer.body[:SAMPLE_BYTES].decode("utf-8", "replace")
    raise ContractChanged(f"{where}: unexpected status {status}: {sample}")


def server_time(answer: Answer) -> int | None:
    """The answer's `Date` in milliseconds since 1970, or None."""
    try:
        return int(parsedate_to_datetime(answer.headers["date"]).timestamp() * 1000)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


async def retrying(
    attempt: Callable[[], Awaitable[T]],
    *,
    delays: tuple[float, ...],
    wait: Callable[[float], Awaitable[None]],
    failed: Callable[[RetriableSourceError], None],
) -> T:
    """Call `attempt` until it succeeds, waiting `delays[n]` seconds after failure n.

    A refusal by the rate limit uses up no delay: the limiter holds the next attempt back.

    Args:
        attempt: raises RetriableSourceError to be called again.
        delays: in seconds; when they are used up, the last error is raised.
        wait: sleeps; may raise to end the waiting.
        failed: told about each failure that will be tried again.
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except RateLimited as error:
            failed(error)
        except RetriableSourceError as error:
            if failures == len(delays):
                raise
            failed(error)
            await wait(delays[failures])
            failures += 1
