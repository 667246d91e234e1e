"""Records that aren't where they are looked for: of a stream's first page the hint says where arrays are."""

import pytest

from datasync.config.spec import OffsetPaging
from datasync.errors import PageDamaged
from tests.resting import answer, read, records, rest


@pytest.mark.parametrize("place", ["data.itemz", "meta", "itemz"])
def test_where_a_first_page_has_arrays_is_said_and_nobody_is_told_to_run_again(place: str) -> None:
    body = {"data": {"items": records(range(3))}, "meta": {"total": 3}}
    with pytest.raises(PageDamaged, match=f"`{place}`") as caught:
        read(rest(OffsetPaging(), records=place), lambda _: answer(body))
    assert caught.value.hint
    assert "look at `records`: the body has arrays at `data.items`" in caught.value.hint
    assert "run again" not in caught.value.hint


def test_a_first_page_without_an_array_is_answered_with_what_else_may_be_wrong() -> None:
    with pytest.raises(PageDamaged) as caught:
        read(rest(OffsetPaging()), lambda _: answer({"message": "maintenance"}))
    assert "`path`" in (caught.value.hint or "")


def test_a_later_page_without_records_is_damaged_and_worth_another_run() -> None:
    pages = iter([answer({"data": records(range(5))})])
    with pytest.raises(PageDamaged) as caught:
        read(rest(OffsetPaging(size=5)), lambda _: next(pages, answer({"items": records([1])})))
    assert "run again" in (caught.value.hint or "")
