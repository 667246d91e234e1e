"""Who may write to a stream."""

from datasync.errors import LeaseLost


def lost(stream: str) -> LeaseLost:
    """The error of a run whose epoch is over."""
    return LeaseLost(f"another run took `{stream}` over; this one stops", hint="one run per stream is enough")
