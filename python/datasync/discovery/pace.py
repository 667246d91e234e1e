"""How long requests take under the limits that an API tells."""

import math
from collections.abc import Sequence

from datasync.limits.quota import Quota


def seconds(quotas: Sequence[Quota], requests: int, window: float | None) -> float | None:
    """Give the seconds that so many requests wait for at least; None where no quota tells.

    What is left of a quota goes out at once. Then one window after the other brings as many as it allows.

    Args:
        quotas: as the last answer told them.
        requests: to come, nobody else's among them.
        window: seconds, of quotas that don't say it themselves.
    """
    waits = (_wait(quota, requests, quota.window or window) for quota in quotas if quota.unit == "requests")
    return max((wait for wait in waits if wait is not None), default=None)


def _wait(quota: Quota, requests: int, window: float | None) -> float | None:
    left = quota.remaining if quota.remaining is not None else 0.0
    window = window or (quota.reset[1] if quota.reset else None)  # it is no shorter than what is left of it
    if quota.rate:
        return max(0.0, requests - left) / quota.rate
    if not quota.limit or not window:
        return None
    if requests <= left:
        return 0.0
    further = math.ceil((requests - left) / quota.limit) - 1
    return (quota.reset[1] if quota.reset else window) + further * window
