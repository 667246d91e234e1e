from datasync.config.schema import RoundSettings
from datasync.model import Batch, Checkpoint, Chunk, Committed
from datasync.pipeline.known import KnownPages

NOTHING = Committed(rows=0, duplicates=2, quarantined=0)


def batch(pages: int, newest_us: int | None = 90) -> Batch:
    return Batch([Chunk(2, 1, 2, (), None, None, None, None, None, newest_us=newest_us)] * pages, Checkpoint())


def begun(limit: int | None, since_us: int | None = 60) -> KnownPages:
    """Of a round on top of one that saw nothing newer than 100."""
    known = KnownPages(RoundSettings(again=True, until_known=limit, lookback_us=40, start_us=5))
    known.begin(since_us)
    return known


def test_a_round_ends_after_so_many_pages_without_anything_new() -> None:
    known = begun(3)
    known.see(batch(2), NOTHING)
    assert not known.reached
    known.see(batch(1), Committed(rows=1, duplicates=1, quarantined=0))
    known.see(batch(2), NOTHING)
    assert not known.reached
    known.see(batch(1, newest_us=None), NOTHING)
    assert not known.reached, "a page without a moment tells nothing, such as an empty one"
    known.see(batch(1, newest_us=100), NOTHING)
    assert known.reached


def test_a_changed_row_or_a_new_reject_is_something_new() -> None:
    for done in (Committed(0, 0, 0, updated=1), Committed(0, 0, 1)):
        known = begun(1)
        known.see(batch(1), done)
        assert not known.reached


def test_what_this_round_may_have_stored_itself_does_not_end_it() -> None:
    known = begun(1)
    known.see(batch(5, newest_us=101), NOTHING)
    assert not known.reached


def test_a_round_from_the_start_is_read_to_its_own_end() -> None:
    for since in (None, 5):
        known = begun(1, since)
        known.see(batch(3), NOTHING)
        assert not known.reached


def test_without_a_limit_no_round_ends_so() -> None:
    known = begun(None)
    known.see(batch(100), NOTHING)
    assert not known.reached
