"""The records that travel between the parts. All are plain data; none knows HTTP or SQL."""

from datasync.model.batches import Batch, Checkpoint, Committed, PartitionState, Window
from datasync.model.pages import ChildRows, Chunk, Original, Page, Position, Reject, Request, Row
from datasync.model.plan import Column, EncoderPlan, Kind

__all__ = [
    "Batch",
    "Checkpoint",
    "ChildRows",
    "Chunk",
    "Column",
    "Committed",
    "EncoderPlan",
    "Kind",
    "Original",
    "Page",
    "PartitionState",
    "Position",
    "Reject",
    "Request",
    "Row",
    "Window",
]
