"""Raw records, one by one, through the transforms and the native checks."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from datasync import _native
from datasync.model import ChildRows, Row
from datasync.pipeline.elements import Elements
from datasync.pipeline.one_by_one import Extracted, OneByOne
from datasync.pipeline.reasons import Reasons
from datasync.transforms.chain import TransformFailed, Undecodable


class Refusal(NamedTuple):
    """Why the record at `place`, from 0, can't be stored; see `model.Reject`."""

    place: int
    code: str
    detail: str


class RecordsRead(NamedTuple):
    """What became of records: a row, a refusal, or left out by a transform.

    Attributes:
        extracted: what the core made. Its own indexes and rejects are of those that the transforms gave back.
        rows: of it, those to store.
        indexes: the record that each row comes from.
        raws: what the transforms made of that record.
        refusals: in order.
        nbytes: of what the transforms gave back.
    """

    extracted: _native.ExtractedRows | Extracted
    rows: Sequence[Row]
    indexes: list[int]
    raws: list[bytes]
    refusals: list[Refusal]
    nbytes: int


def read_records(
    encoder: _native.PageEncoder | OneByOne,
    chain: Callable[[bytes], bytes | None] | None,
    records: Sequence[bytes],
    *,
    now_us: int,
) -> RecordsRead:
    """Turn `records` into rows. Without a chain their bytes are stored as they are, as on the fast lane.

    A record that the chain can't decode is never stored, since no transform has seen it: where the native check would
    take it, it is refused with `transform_undecodable`.

    Args:
        encoder: what takes the columns.
        chain: the transforms, as `Chain` does them.
        records: raw.
        now_us: see `PageEncoder.extract`.
    """
    origins: list[int] = []  # index of each record in `results`
    results: list[bytes] = []
    refusals: list[Refusal] = []
    for index, raw in enumerate(records):
        try:
            result = raw if chain is None else chain(raw)
        except Undecodable as error:
            if not encoder.extract([raw], now_us=now_us).rejects:
                refusals.append(Refusal(index, "transform_undecodable", str(error)))
                continue
            result = raw  # the native check below says why, with the same code as on the fast lane
        except TransformFailed as error:
            refusals.append(Refusal(index, error.code, str(error)))
            continue
        if result is not None:
            origins.append(index)
            results.append(result)
    extracted = encoder.extract(results, now_us=now_us)
    reasons = Reasons()
    refusals += [Refusal(origins[reject.index], *reasons(reject.code, reject.detail)) for reject in extracted.rejects]
    refusals.sort()
    indexes = [origins[index] for index in extracted.indexes]
    raws = [results[index] for index in extracted.indexes]
    return RecordsRead(extracted, extracted.rows, indexes, raws, refusals, sum(map(len, results)))


def take_elements(
    read: RecordsRead, elements: Sequence[Elements], key: int, *, now_us: int
) -> tuple[RecordsRead, Sequence[ChildRows]]:
    """Take lists out of the records, into rows of their own. A record with an element that is refused is refused.

    Args:
        read: the records.
        elements: one for each list.
        key: place of the key column.
        now_us: see `read_records`.
    """
    if not elements:
        return read, ()
    keys = [row[key] for row in read.rows]
    taken = [one.take(read.raws, keys, now_us=now_us) for one in elements]
    bad = {place: why for one in reversed(taken) for place, why in one.refused.items()}
    good = [place for place in range(len(read.rows)) if place not in bad]
    children = [
        one.give([found.rows[place] for place in good], [keys[place] for place in good])
        for one, found in zip(elements, taken, strict=True)
    ]
    left = read._replace(
        rows=[read.rows[place] for place in good],
        indexes=[read.indexes[place] for place in good],
        raws=[read.raws[place] for place in good],
        refusals=sorted([*read.refusals, *(Refusal(read.indexes[place], *why) for place, why in bad.items())]),
    )
    return left, children
