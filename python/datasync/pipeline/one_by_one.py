"""The encoder for a page over which the native core has panicked: record by record, so that one panic costs one."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec

from datasync import _native
from datasync.model import EncoderPlan, Row


class Refused(msgspec.Struct, frozen=True):
    """See `_native.Reject`; the code may be `core_panic` besides."""

    index: int
    code: str
    detail: str


class Extracted(msgspec.Struct):
    """See `_native.ExtractedRows`."""

    rows: list[Row] = []
    indexes: list[int] = []
    rejects: list[Refused] = []
    max_timestamp_us: int | None = None
    last_key: str | None = None
    last_timestamp_us: int | None = None
    timestamps: defaultdict[str, Counter[str]] = msgspec.field(default_factory=lambda: defaultdict(Counter))

    def add(self, index: int, found: _native.ExtractedRows) -> None:
        """Add what became of record `index`."""
        self.rejects += [Refused(index, reject.code, reject.detail) for reject in found.rejects]
        for column, counts in found.timestamps.items():
            self.timestamps[column].update(counts)
        if not found.rows:
            return
        self.rows += found.rows
        self.indexes.append(index)
        self.last_key, self.last_timestamp_us = found.last_key, found.last_timestamp_us
        moments = (self.max_timestamp_us, found.max_timestamp_us)
        self.max_timestamp_us = max((moment for moment in moments if moment is not None), default=None)


class OneByOne:
    """What `RecordLane` needs of `_native.PageEncoder`."""

    def __init__(self, plan: EncoderPlan) -> None:
        self._encoder = _native.PageEncoder(msgspec.json.encode(plan))
        self.peek = self._encoder.peek
        self.split = self._encoder.split

    def extract(self, records: Sequence[bytes], *, now_us: int) -> Extracted:
        """See `_native.PageEncoder.extract`. A record over which the core panics is refused; the others are not."""
        result = Extracted()
        for index, record in enumerate(records):
            try:
                result.add(index, self._encoder.extract([record], now_us=now_us))
            except _native.CorePanic as error:
                result.rejects.append(Refused(index, "core_panic", str(error)))
        return result
