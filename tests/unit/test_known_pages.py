from datasync.model import Batch, Checkpoint, Chunk, Committed
from datasync.pipeline.known import KnownPages


def batch(pages: int, records: int = 2) -> Batch:
    return Batch([Chunk(records, 1, records, (), None, None, None, None, None)] * pages, Checkpoint())


def begun(limit: int | None) -> KnownPages:
    known = KnownPages(limit)
    known.begin(1, None)
    return known


def test_a_round_ends_after_so_many_pages_without_anything_new() -> None:
    known = begun(3)
    known.see(batch(2), Committed(rows=0, duplicates=4, quarantined=0))
    assert not known.reached
    known.see(batch(1), Committed(rows=1, duplicates=1, quarantined=0))
    known.see(batch(2), Committed(rows=0, duplicates=4, quarantined=0))
    assert not known.reached
    known.see(batch(1, records=0), Committed(rows=0, duplicates=0, quarantined=0))
    assert not known.reached, "an empty page tells nothing"
    known.see(batch(1), Committed(rows=0, duplicates=2, quarantined=0))
    assert known.reached


def test_a_changed_row_or_a_new_reject_is_something_new() -> None:
    for done in (Committed(0, 0, 0, updated=1), Committed(0, 0, 1)):
        known = begun(1)
        known.see(batch(1), done)
        assert not known.reached


def test_without_a_limit_no_round_ends_so() -> None:
    known = begun(None)
    known.see(batch(100), Committed(0, 200, 0))
    assert not known.reached


def test_what_is_left_out_or_refused_as_a_whole_tells_nothing() -> None:
    known = begun(1)
    known.see(Batch([Chunk(0, 1, 2, (), None, None, None, None, None, dropped=2)], Checkpoint()), Committed(0, 0, 0))
    assert not known.reached


def test_a_round_from_the_start_and_one_that_begins_anew_are_read_to_their_own_end() -> None:
    for since, start in ((None, None), (5, 5), (None, 5)):
        known = KnownPages(1)
        known.begin(since, start)
        known.see(batch(3), Committed(rows=0, duplicates=6, quarantined=0))
        assert not known.reached
    known = begun(1)
    known.read_all()
    known.see(batch(3), Committed(rows=0, duplicates=6, quarantined=0))
    assert not known.reached
