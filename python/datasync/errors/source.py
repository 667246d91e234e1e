"""Errors of the API."""

from datetime import UTC, datetime

from datasync.errors.base import DatasyncError


class SourceError(DatasyncError):
    """The API."""

    code = "source"


class RetriableSourceError(SourceError):
    """Asking again may help."""

    code = "source_retriable"


class RateLimited(RetriableSourceError):
    """The API refused a request because too many came."""

    code = "rate_limited"


class Paused(SourceError):
    """The rate limit asks for a longer wait than the run may take. What was read is stored.

    Attributes:
        resume_at_us: when the API takes requests again, microseconds since 1970 UTC.
    """

    code = "paused"

    def __init__(self, resume_at_us: int) -> None:
        self.resume_at_us = resume_at_us
        try:
            when = datetime.fromtimestamp(-(-resume_at_us // 1_000_000), tz=UTC).isoformat().replace("+00:00", "Z")
        except (OverflowError, ValueError, OSError):
            when = "a time that no clock shows"
        hint = "run again then, or give a longer --max-wait"
        super().__init__(f"paused until {when}: the rate limit allows nothing before", hint=hint)


class ServerError(RetriableSourceError):
    """The API answered with a status that may pass: 408, 425, and 5xx but for a few."""

    code = "server_error"


class NetworkError(RetriableSourceError):
    """No complete answer came: refused, reset, cut short, or slower than the deadline."""

    code = "network"


class PageDamaged(RetriableSourceError):
    """An answer came whole, but it isn't a page: broken JSON, no records, or no word on what follows."""

    code = "page_damaged"


class NotAPage(PageDamaged):
    """HTML or nothing came with status 200: a login page of the network, a proxy, a maintenance page."""

    code = "not_a_page"


class PageTooLarge(PageDamaged):
    """An answer is larger than there is room for in memory, as it came or decompressed."""

    code = "page_too_large"


class PageRepeated(PageDamaged):
    """The page before came once more, out of a cache, or by an API that lost its place."""

    code = "page_repeated"


class AuthError(SourceError):
    """The API refused the credentials."""

    code = "auth"


class CursorExpired(SourceError):
    """The API no longer knows the cursor.

    Attributes:
        server_time: the answer's `Date` as epoch milliseconds, or None.
    """

    code = "cursor_expired"

    def __init__(self, message: str, *, hint: str | None = None, server_time: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.server_time = server_time


class TlsFailed(SourceError):
    """The server's certificate isn't trusted, or it speaks no TLS that we accept. There is no way around it."""

    code = "tls"


class ProxyRefused(SourceError):
    """The proxy from the environment wants credentials, or refuses the API's host."""

    code = "proxy"


class ContractChanged(SourceError):
    """The API answered in a way that the endpoint doesn't know, so going on could lose rows."""

    code = "contract_changed"


class ParentGone(SourceError):
    """There is no such parent to read children of, and that is no failure. Never the end of a run."""

    code = "parent_gone"


class TooManyRejects(SourceError):
    """A larger share of the records than the run may bear can't be stored. The batches until then are."""

    code = "too_many_rejects"
