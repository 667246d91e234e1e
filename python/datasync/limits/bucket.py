"""What holds requests back: a budget that the API shows."""

from typing import NamedTuple, Protocol

from datasync.limits.quota import Quota


class Settled(NamedTuple):
    """A request of which it is known that it arrived.

    Attributes:
        at: when its answer came, or when none was expected any more; monotonic seconds.
        sent: when it went out.
        failed: the answer was an error.
    """

    at: float
    sent: float
    failed: bool = False


class Bucket(Protocol):
    """A budget that every request of some routes draws on. Times are monotonic seconds."""

    def delay(self, now: float) -> float:
        """Seconds until the next request may go; inf if only an answer can tell."""
        ...

    def sent(self) -> None:
        """Count a request that goes out."""
        ...

    def answered(self, request: Settled, quota: Quota | None) -> None:
        """Count a request as arrived, and take what its answer says of this budget."""
        ...

    def refused(self, now: float, until: float, remaining: float | None) -> None:
        """Count it as arrived: the API says that nothing, or only so much, is left until then."""
        ...

    def absorb(self, other: "Bucket") -> None:
        """Count what `other` counted, too: both turned out to be one."""
        ...

    def utilisation(self) -> float | None:
        """The share of what was allowed so far that was used, as of the last request; None if that can't be told."""
        ...
