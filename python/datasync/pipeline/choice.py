"""Which lane reads the pages of an endpoint."""

from collections.abc import Sequence

import msgspec

from datasync import jsonpaths
from datasync.config.spec import Child
from datasync.model import EncoderPlan
from datasync.pipeline import unwrap
from datasync.pipeline.elements import Elements
from datasync.pipeline.judged import Judged
from datasync.pipeline.lanes import FastLane, Lane, PanicProof, RecordLane
from datasync.pipeline.one_by_one import OneByOne
from datasync.transforms.chain import Chain


def choose(plan: EncoderPlan, chain: Chain | None, children: Sequence[Child] = ()) -> Lane:
    """The fast lane, unless something in Python has to see each record.

    Args:
        plan: its `records` may be a JSONPath, and its `format` csv.
        chain: of transforms.
        children: lists inside of records that go to tables of their own.
    """
    names: set[str] | None = None if chain is None else set()
    if plan.format == "csv":
        lane = choose(unwrap.array(plan), chain, children)
        # Without transforms the line of names tells a page.
        lane = lane if names is None else Judged(lane, unwrap.array(plan), names)
        return unwrap.Unwrapping(lane, unwrap.csv_records(plan, names))
    if plan.format == "ndjson":
        return Judged(_core(plan, chain, children), plan, names)
    plan = msgspec.structs.replace(plan, records=jsonpaths.plain(plan.records))
    if plan.records.startswith("$"):
        return unwrap.Unwrapping(choose(unwrap.array(plan), chain, children), unwrap.json_path(plan))
    return _core(plan, chain, children)


def _core(plan: EncoderPlan, chain: Chain | None, children: Sequence[Child]) -> Lane:
    """For what the core reads as it is."""
    elements = [Elements(plan, child) for child in children]
    careful = RecordLane(plan, chain or _as_it_is, OneByOne(plan), elements=elements)
    if chain is None and not elements:
        return PanicProof(FastLane(plan), careful)
    return PanicProof(RecordLane(plan, chain or _as_it_is, elements=elements), careful)


def _as_it_is(raw: bytes) -> bytes:
    return raw
