"""Records without a key at the end of a list that is paged by key: the run ends, and every other record is read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.spec import KeysetPaging
from datasync.errors import ContractChanged
from datasync.http.transport import Answer
from datasync.model import Checkpoint, Request
from datasync.transforms.chain import Chain
from tests.resting import Script, answer, read, rest

SIZE = 3
KEYLESS: list[dict[str, Any]] = [{}, {"id": None}, {"id": ""}, {"name": "no key"}]


def api(records: list[dict[str, Any]], **said: object) -> Script:
    """Gives what stands behind the record whose key is `after`."""

    def script(request: Request) -> Answer:
        after = request.params.get("after")
        place = 0 if after is None else [record.get("id") for record in records].index(after) + 1
        return answer({"data": records[place : place + SIZE], **said})

    return script


def keyed(count: int) -> list[dict[str, Any]]:
    return [{"id": f"k{number}"} for number in range(count)]


def readable(records: list[dict[str, Any]], *, short: bool) -> bool:
    """Whether a list can be told to have an end: no page has only records without a key, but for those seen before."""
    place, full = 0, False
    tail: list[dict[str, Any]] = []
    while page := records[place : place + SIZE]:
        full |= len(page) == SIZE
        last = max((n for n, record in enumerate(page) if record.get("id")), default=None)
        if last is None:
            return page == tail
        if short and full and len(page) < SIZE:
            return True
        tail = page[last + 1 :]
        place += last + 1
    return True


@given(
    lacking=st.lists(st.sampled_from([None, None, None, *KEYLESS]), max_size=12),
    short=st.booleans(),
    slow=st.booleans(),
)
def test_a_list_is_read_to_its_end_whatever_its_last_records_lack(
    lacking: list[dict[str, Any] | None], short: bool, slow: bool
) -> None:
    records = [{"id": f"k{place}"} if without is None else without for place, without in enumerate(lacking)]
    endpoint = rest(KeysetPaging(size=SIZE, short=short))
    chain = Chain([]) if slow else None
    if not readable(records, short=short):
        with pytest.raises(ContractChanged, match="no record") as caught:
            read(endpoint, api(records), chain=chain)
        assert "another `size`" in str(caught.value.hint)
        return
    came = read(endpoint, api(records), chain=chain)
    assert came.checkpoint.complete
    assert came.ids == [record["id"] for record in records if record.get("id")]


def test_a_record_that_is_stored_and_leads_nowhere_is_no_end_of_the_run() -> None:
    records = [{"id": "a", "seq": 1}, {"id": "b", "seq": 2}, {"id": "c"}]

    def script(request: Request) -> Answer:
        return answer({"data": records[int(request.params.get("after", 0)) :]})

    came = read(rest(KeysetPaging(size=SIZE, field="seq")), script)
    assert came.checkpoint.complete
    assert came.ids == ["a", "b", "c", "c"]  # a key absorbs what comes twice


@pytest.mark.parametrize("said", [{}, {"more": True}])
def test_a_page_that_leads_nowhere_is_no_end_where_more_may_follow(said: dict[str, object]) -> None:
    paging = KeysetPaging(size=SIZE, has_more="more" if said else None)
    records = keyed(2) + KEYLESS[:1] + ([] if said else KEYLESS)
    with pytest.raises(ContractChanged, match="no record of the page has `id`") as caught:
        read(rest(paging), api(records, **said))
    assert "--restart" in str(caught.value.hint)


def test_a_run_that_begins_at_such_a_page_cannot_tell_and_says_that_a_restart_can() -> None:
    script = api(keyed(2) + KEYLESS[:1])
    with pytest.raises(ContractChanged) as caught:
        read(rest(KeysetPaging(size=SIZE)), script, checkpoint=Checkpoint(cursor="k1", pages=1, served=3))
    assert "--restart" in str(caught.value.hint)
    assert read(rest(KeysetPaging(size=SIZE)), script).checkpoint.complete
