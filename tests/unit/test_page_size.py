import pytest

from datasync.pipeline.pagesize import GROW_AFTER, PageSize


def test_a_size_is_halved_down_to_one_and_no_further() -> None:
    size = PageSize(5000)
    halvings = 0
    while size.too_large():
        halvings += 1
    assert (size.limit, halvings) == (1, 12)


@pytest.mark.parametrize("most", [None, 1])
def test_where_there_is_nothing_to_halve_nothing_is_asked_for(most: int | None) -> None:
    size = PageSize(most)
    assert not size.too_large()
    assert size.limit is None


def test_it_comes_back_step_by_step_and_leaves_the_size_to_the_endpoint_in_the_end() -> None:
    size = PageSize(100)
    assert all(size.too_large() for _ in range(3))
    seen = []
    for _ in range(4 * GROW_AFTER):
        seen.append(size.limit)
        size.fitted()
    assert seen == [12] * GROW_AFTER + [24] * GROW_AFTER + [48] * GROW_AFTER + [96] * GROW_AFTER
    assert size.limit is None
    size.fitted()
    assert size.limit is None


def test_a_page_that_is_too_large_again_begins_the_count_anew() -> None:
    size = PageSize(100)
    size.too_large()
    for _ in range(GROW_AFTER - 1):
        size.fitted()
    size.too_large()
    size.fitted()
    assert size.limit == 25
