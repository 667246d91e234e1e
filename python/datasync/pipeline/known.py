"""Ends a round of a newest-first feed once its pages bring nothing new."""

from datasync.config.schema import RoundSettings
from datasync.model import Batch, Committed


class KnownPages:
    """Counts pages in a row of which every row was known to an earlier round, and stays as it is.

    A batch is judged as a whole: one new or changed row, or record in quarantine, and all its pages count as new.
    """

    def __init__(self, rounds: RoundSettings) -> None:
        """Take how many such pages end the round; without a number none do."""
        self._limit = rounds.until_known
        self._start_us = rounds.start_us
        self._lookback_us = rounds.lookback_us
        self._pages = 0
        self._newest_us: int | None = None

    def begin(self, since_us: int | None) -> None:
        """Begin a run of a round that reads on from `since_us`. One from the start is read to its own end."""
        whole = since_us is None or since_us == self._start_us
        self._newest_us = None if whole or since_us is None else since_us + self._lookback_us

    def see(self, batch: Batch, done: Committed) -> None:
        """Take a batch that was stored. One without rows tells nothing.

        Nor does one with a row newer than all that earlier rounds have seen: this round itself may have stored it, and
        come by it once more, because it begins anew, goes on after a crash, or the list has grown in front of it.
        """
        newest = max((chunk.newest_us for chunk in batch.chunks if chunk.newest_us is not None), default=None)
        if done.rows or done.updated or done.quarantined:
            self._pages = 0
        elif newest is not None and self._newest_us is not None and newest <= self._newest_us:
            self._pages += len(batch.chunks)

    @property
    def reached(self) -> bool:
        """The next page is the last one."""
        return self._limit is not None and self._pages >= self._limit
