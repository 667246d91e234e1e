"""What becomes of a page over which the native core panics."""

import structlog

from datasync import _native
from datasync.model import Chunk, Reject
from datasync.pipeline.lanes import Lane


class PanicGuard:
    """A lane that gives a page to quarantine, whole, when the core panics over it for the second time in a row.

    It holds something that nobody has thought of. To stop there would keep all that follows out for good. The records
    of the page are missing from the counts, so that the run doesn't call itself complete.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._panics = 0
        self.name = lane.name

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """See Lane."""
        return self._lane.peek(body)

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:
        """See Lane.

        Raises:
            datasync._native.CorePanic: for the first time, or where what follows the page can't be told either.
        """
        try:
            chunk = self._lane.encode(body, cursor=cursor, now_us=now_us)
        except _native.CorePanic as error:
            self._panics += 1
            if self._panics == 1:
                raise
            following, has_more = self._lane.peek(body)
            structlog.get_logger().error("a page went to quarantine whole", cursor=cursor, reason=str(error))
            reject = Reject(cursor, 0, 0, "core_panic", str(error), body)
            chunk = Chunk(0, len(body), 1, [reject], following, has_more, None, None, None)
        self._panics = 0
        return chunk
