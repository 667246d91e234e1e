"""What a decoded page says of the whole is a number that every sink can store, or the page is damaged."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync import envelope
from datasync.errors import PageDamaged

MOST = 2**63 - 1


@given(st.integers() | st.integers(MOST - 1, MOST + 1))
def test_a_total_is_given_as_it_is_or_refused(total: int) -> None:
    page = {"meta": {"total": total}}
    if 0 <= total <= MOST:
        assert envelope.count(page, "meta.total") == total
    else:
        with pytest.raises(PageDamaged, match=r"`meta\.total` is no count"):
            envelope.count(page, "meta.total")


@pytest.mark.parametrize("total", [True, "1", 1.0, Decimal(1), [], {}])
def test_what_is_no_whole_number_is_no_total(total: object) -> None:
    with pytest.raises(PageDamaged):
        envelope.count({"total": total}, "total")


@pytest.mark.parametrize(("page", "path"), [({}, "total"), ({"total": None}, "total"), ({"total": 1}, None)])
def test_a_page_that_tells_no_total_has_none(page: object, path: str | None) -> None:
    assert envelope.count(page, path) is None
