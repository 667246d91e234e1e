"""Which answers are asked for again, and when."""

import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from datasync.config.schema import HttpSettings
from datasync.errors import (
    AuthError,
    ContractChanged,
    NotAPage,
    ProxyRefused,
    RateLimited,
    RetriableSourceError,
    ServerError,
)
from datasync.http.budget import RetryBudget
from datasync.http.classify import PROXY_HINT, Kind, advice, of_status, repeats
from datasync.http.origin import refuse_redirect
from datasync.http.transport import Answer

T = TypeVar("T")

SAMPLE_BYTES: Final = 200
"""How much of an unexpected answer an error shows."""

BASE: Final = 0.5
"""Seconds: the longest wait after a first failure. It doubles with each further one."""

MIN_PAUSE: Final = 0.1
"""Seconds between two failures of the same request, however the dice fall: no hot loop."""

_CHANCE = random.Random()
_SECRET_LIKE = re.compile(r"(?=[\w+/=%.~-]*\d)[\w+/=%.~-]{16,}")


def check_status(answer: Answer, *, where: str, key_source: str) -> None:
    """Raise what an answer's status means; 200 passes, unless it brings HTML or nothing.

    Raises:
        RateLimited: 429.
        ServerError: 408, 425 and all 5xx that may pass.
        NotAPage: 200 with HTML or an empty body.
        AuthError: 401 and 403, naming where the key came from.
        ProxyRefused: 407.
        ContractChanged: anything else; a redirect names the origin it leads to.
    """
    status = answer.status
    if status == 200:
        _check_body(answer, where)
        return
    kind = of_status(status)
    if kind is Kind.LIMIT:
        raise RateLimited(f"{where}: {status}")
    if kind is Kind.RETRY:
        raise ServerError(f"{where}: {status}")
    if kind is Kind.CREDENTIALS:
        raise AuthError(
            f"{where}: {status}, the API refused the key in {key_source}",
            hint=f"check the value of {key_source}",
        )
    refuse_redirect(answer, where=where)
    if status == 407:
        raise ProxyRefused(f"{where}: the proxy answered 407", hint=PROXY_HINT)
    raise ContractChanged(
        f"{where}: unexpected status {status}: {sample(answer.body)}",
        hint=advice(status),
    )


def sample(body: bytes) -> str:
    """The beginning of an unexpected body, on one line. What is long enough to be a key or a cursor is left out."""
    # More than is shown, so that no secret is cut to a length that passes for a word.
    text = " ".join(body[: 4 * SAMPLE_BYTES].decode("utf-8", "replace").split())
    return _SECRET_LIKE.sub("***", text)[:SAMPLE_BYTES]


def blank(body: bytes) -> bool:
    """Whether there is nothing in a body but a byte order mark and white space."""
    return not _start(body)


def _start(body: bytes) -> bytes:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def _check_body(answer: Answer, where: str) -> None:
    # Judged by the bytes: servers call JSON text/html, and the other way round. No JSON begins with `<`.
    start = _start(answer.body)
    if start == b"":
        raise NotAPage(f"{where}: 200 with nothing in it", hint="look at the API's base URL in a browser")
    if start == b"<":
        raise NotAPage(
            f"{where}: 200 with HTML instead of a page: {sample(answer.body)}",
            hint="a login page of this network, a proxy, or maintenance? look at the API's base URL in a browser",
        )


def server_time(answer: Answer) -> int | None:
    """The answer's `Date` in milliseconds since 1970, or None."""
    try:
        return int(parsedate_to_datetime(answer.headers["date"]).timestamp() * 1000)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def jitter(failures: int, *, cap: float, chance: random.Random) -> float:
    """Seconds to wait after so many failures: anything up to a bound that doubles (full jitter).

    Many clients that fail together must not come back together, so nothing but the bound grows.
    """
    return chance.uniform(0, min(cap, BASE * 2 ** min(failures - 1, 30)))


async def retrying(
    attempt: Callable[[], Awaitable[T]],
    *,
    limits: HttpSettings,
    budget: RetryBudget,
    wait: Callable[[float], Awaitable[None]],
    failed: Callable[[RetriableSourceError], None],
    clock: Callable[[], float] = time.monotonic,
    chance: random.Random = _CHANCE,
) -> T:
    """Call `attempt` until it succeeds, for at most `limits.retry_for` seconds from its first failure.

    A refusal by the rate limit is no failure: the limiter holds the next attempt back, and that time doesn't count.

    Args:
        attempt: raises RetriableSourceError to be called again; see `classify` for how often.
        limits: `retry_for` and `retry_cap`.
        budget: shared by all who ask the same bucket.
        wait: sleeps; may raise to end the waiting.
        failed: told about each failure that will be tried again.
        clock: monotonic, in seconds.
        chance: throws the dice.

    Raises:
        RetriableSourceError: the last failure, with a hint.
    """
    streak = _Streak(limits, clock)
    while True:
        try:
            result = await attempt()
        except RateLimited as error:
            streak.refused()
            failed(error)
            await wait(MIN_PAUSE)
        except RetriableSourceError as error:
            streak.failed(error)
            failed(error)
            await wait(streak.pause(chance))
            if not await budget.turn(wait, failed_at=streak.last, cap=limits.retry_cap, patience=streak.seconds_left):
                raise _given_up(error, "no retry was left in the budget") from error.__cause__
        else:
            budget.succeeded()
            return result


class _Streak:
    """The failures of one request in a row.

    Attributes:
        last: when the last one ended.
        seconds_left: for further attempts. The time after a refusal by the rate limit isn't taken from it.
    """

    def __init__(self, limits: HttpSettings, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._cap = limits.retry_cap
        self._patience = limits.retry_for
        self._repeats: Counter[type[RetriableSourceError]] = Counter()
        self._counting = False
        self.seconds_left = limits.retry_for
        self.last = 0.0

    def failed(self, error: RetriableSourceError) -> None:
        """Count a failure, and raise it if it was the last one."""
        self._take_time()
        self._counting = True
        self._repeats[type(error)] += 1
        count = self._repeats[type(error)]
        most = repeats(error)
        if most is not None and count > most:
            raise _given_up(error, f"it came {count} times at the same page") from error.__cause__
        if self.seconds_left <= 0:
            raise _given_up(
                error, f"it kept failing for {self._patience:g} s, which --retry-for sets"
            ) from error.__cause__

    def refused(self) -> None:
        """Stop the time until the next failure."""
        self._take_time()
        self._counting = False

    def pause(self, chance: random.Random) -> float:
        """Seconds to wait before the next attempt, which may be the last."""
        pause = jitter(self._repeats.total(), cap=self._cap, chance=chance)
        return max(MIN_PAUSE, min(pause, self.seconds_left))

    def _take_time(self) -> None:
        now = self._clock()
        if self._counting:
            self.seconds_left -= now - self.last
        self.last = now


def _given_up(error: RetriableSourceError, why: str) -> RetriableSourceError:
    error.hint = f"{error.hint}; {why}" if error.hint else f"{why}; run again to go on from the checkpoint"
    return error
