"""The newest moment that a round has seen, from which the next one reads on."""

import time
from datetime import UTC, datetime, timedelta

import structlog


class Moments:
    """Lets no moment of the future count: until it has come, no later round would see anything."""

    def __init__(self) -> None:
        self._began_us = time.time_ns() // 1000
        self._warned = False

    def seen(self, newest_us: int) -> int:
        """The moment that counts, in microseconds: that of the beginning of this run for one of the future."""
        if newest_us <= time.time_ns() // 1000:
            return newest_us
        if not self._warned:
            self._warned = True
            structlog.get_logger().warning(
                "a timestamp lies in the future",
                newest=str(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=newest_us)),
                hint="the next round reads on from the beginning of this run",
            )
        return self._began_us
