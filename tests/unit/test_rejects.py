"""A run bears ten rejects and a share of its records, and not one more."""

import pytest

from datasync.errors import TooManyRejects
from datasync.model import Chunk, Committed, Reject
from datasync.pipeline.rejects import FREE, RejectLimit


def page(records: int, *raws: bytes) -> Chunk:
    refused = [Reject(None, index, 0, "required_missing", "", raw) for index, raw in enumerate(raws)]
    return Chunk(records - len(raws), 0, records, refused, None, None, None, None, None)


def different(first: int, last: int) -> list[bytes]:
    return [f"{number}".encode() for number in range(first, last)]


def test_ten_rejects_never_end_a_run_and_the_eleventh_does() -> None:
    limit = RejectLimit(0.0)
    for raw in different(0, FREE):
        limit.page(page(1, raw))
    with pytest.raises(TooManyRejects, match="11 of the 11 records") as caught:
        limit.page(page(1, b"one more"))
    assert caught.value.hint is not None
    assert "datasync quarantine list --summary" in caught.value.hint
    assert "--max-rejects" in caught.value.hint


def test_beyond_ten_a_run_bears_its_share_exactly() -> None:
    limit = RejectLimit(0.001)
    limit.page(page(5000, *different(0, 15)))  # 10 + 5
    with pytest.raises(TooManyRejects):
        limit.page(page(999, b"one more"))


def test_records_that_come_later_do_not_undo_a_judgement_before_them() -> None:
    with pytest.raises(TooManyRejects):
        RejectLimit(0.001).page(page(900, *different(0, 11)))


def test_with_a_share_of_all_no_number_of_rejects_ends_a_run() -> None:
    limit = RejectLimit(1.0)
    for n in range(50):
        limit.page(page(10, *different(n * 10, n * 10 + 10)))


def test_the_same_useless_record_over_and_over_is_not_one_bad_record() -> None:
    with pytest.raises(TooManyRejects):
        RejectLimit(0.001).page(page(100, *[b"{}"] * 11))


def test_what_the_database_refuses_counts_too() -> None:
    limit = RejectLimit(0.001)
    limit.page(page(100, *different(0, 5)))
    limit.refused(Committed(0, 0, 0, refused=5))
    with pytest.raises(TooManyRejects, match="11 of the 100 records"):
        limit.refused(Committed(0, 0, 0, refused=1))


def test_a_batch_that_the_database_takes_whole_ends_nothing_so_that_all_pages_are_stored() -> None:
    limit = RejectLimit(0.001)
    with pytest.raises(TooManyRejects):
        limit.page(page(100, *different(0, 11)))
    limit.refused(Committed(100, 0, 0))
