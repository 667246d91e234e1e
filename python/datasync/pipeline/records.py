"""Raw records, one by one, through the transforms and the native checks."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from datasync import _native
from datasync.pipeline.one_by_one import Extracted, OneByOne
from datasync.transforms.chain import TransformFailed, Undecodable


class Refusal(NamedTuple):
    """Why the record at `place`, from 0, can't be stored; see `model.Reject`."""

    place: int
    code: str
    detail: str


class RecordsRead(NamedTuple):
    """What became of records: a row, a refusal, or left out by a transform.

    Attributes:
        extracted: the rows. Its own indexes and rejects are of those that the transforms gave back.
        indexes: the record that each row comes from.
        refusals: in order.
        nbytes: of what the transforms gave back.
    """

    extracted: _native.ExtractedRows | Extracted
    indexes: list[int]
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
        except Undecodable:
            result = raw  # the native check below says why, with the same code as on the fast lane
        except TransformFailed as error:
            refusals.append(Refusal(index, "transform_failed", str(error)))
            continue
        if result is not None:
            origins.append(index)
            results.append(result)
    extracted = encoder.extract(results, now_us=now_us)
    refusals += [Refusal(origins[reject.index], reject.code, reject.detail) for reject in extracted.rejects]
    refusals.sort()
    return RecordsRead(extracted, [origins[index] for index in extracted.indexes], refusals, sum(map(len, results)))
