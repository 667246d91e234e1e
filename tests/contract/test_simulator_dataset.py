"""The simulated events: what they look like and in which order they lie."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.simulator.dataset import NEWEST_MS, TYPE_COUNTS, Crowd, Dataset
from datasync.simulator.pages import BAD_TIMESTAMPS, Page, PageRenderer, iso_timestamps

DATASET = Dataset(7, 12_345)


def decoded(page: Page) -> list[dict[str, Any]]:
    return msgspec.json.decode(page.body + b"]}", type=dict[str, list[dict[str, Any]]])["data"]


def renderer(damage: dict[int, str] | None = None, cache_bytes: int = 1 << 30) -> PageRenderer:
    return PageRenderer(DATASET, damage or {}, cache_bytes)


def test_events_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    again, other = Dataset(7, 12_345), Dataset(8, 12_345)
    assert [again.event(index) for index in range(200)] == [DATASET.event(index) for index in range(200)]
    assert again.ids() == DATASET.ids()
    assert not set(other.ids()) & set(DATASET.ids())


def test_order_is_time_descending_then_id_descending() -> None:
    keys = [(DATASET.timestamp_ms(index), id) for index, id in enumerate(DATASET.ids())]
    assert keys == sorted(keys, reverse=True)
    assert len(set(keys)) == DATASET.count


def test_ties_fall_on_every_border_of_a_thousand() -> None:
    assert all(DATASET.timestamp_ms(at - 1) == DATASET.timestamp_ms(at) for at in range(1_000, DATASET.count, 1_000))


def test_newest_event_and_span_are_as_documented() -> None:
    full = Dataset(1, 3_000)
    assert full.timestamp_ms(0) == NEWEST_MS
    assert NEWEST_MS - full.timestamp_ms(2_999) == pytest.approx(3_000 * 864.864, abs=1_000)
    # The spacing does not depend on the count, so this is where the last of 3,000,000 lies.
    assert (NEWEST_MS - full.timestamp_ms(2_999_999)) / 86_400_000 == pytest.approx(30.03, abs=0.001)


@pytest.mark.parametrize(("crowd", "begins"), [("newest", 0.0), ("middle", 0.475), ("oldest", 0.95)])
def test_a_crowd_is_nine_tenths_of_the_events_in_a_twentieth_of_the_time(crowd: Crowd, begins: float) -> None:
    crowded = Dataset(7, 10_000, crowd)
    moments = crowded.timestamps(0, 10_000)
    keys = list(zip(moments, crowded.ids(), strict=True))
    assert keys == sorted(keys, reverse=True)
    assert moments == [crowded.timestamp_ms(index) for index in range(10_000)]
    assert (moments[0] - moments[-1]) / (10_000 * 864.864) == pytest.approx(1.0, abs=0.01)
    span = 10_000 * 864.864
    inside = [begins * span - 1 <= NEWEST_MS - moment <= (begins + 0.05) * span + 1 for moment in moments]
    assert sum(inside) / 10_000 == pytest.approx(0.9, abs=0.01)


def test_ids_are_distinct_uuid4() -> None:
    ids = DATASET.ids()
    assert len(set(ids)) == len(ids)
    assert all(str(parsed := uuid.UUID(id)) == id and parsed.version == 4 for id in ids)
    assert ids[77] == DATASET.id(77) == DATASET.event(77)["id"]


def test_types_come_in_the_documented_proportions() -> None:
    seen = Counter(DATASET.event(index)["type"] for index in range(DATASET.count))
    total = sum(TYPE_COUNTS.values())
    for name, count in TYPE_COUNTS.items():
        assert seen[name] / DATASET.count == pytest.approx(count / total, abs=0.015)


@given(st.integers(0, DATASET.count - 1))
def test_a_chain_goes_on_right_behind_the_event_it_is_given(index: int) -> None:
    assert DATASET.find(DATASET.timestamp_ms(index), DATASET.id(index)) == index + 1


@given(st.integers(0, DATASET.count - 1))
def test_an_id_is_found_at_its_index(index: int) -> None:
    assert DATASET.index_of(DATASET.id(index)) == index


def test_unknown_ids_are_not_found() -> None:
    assert DATASET.index_of("x7k9") is None
    assert DATASET.index_of(str(uuid.uuid4())) is None
    # These 16 bytes are there, but begin in the middle of an id.
    assert DATASET.index_of((DATASET.id(0) + DATASET.id(1)).replace("-", "")[8:40]) is None


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10])
def test_smallest_sets_are_whole(count: int) -> None:
    dataset = Dataset(1, count)
    page = PageRenderer(dataset, {}, 0).page(0, 100, count, "iso")
    assert [event["id"] for event in decoded(page)] == dataset.ids()


def test_rendered_records_tell_the_truth() -> None:
    page = renderer().page(500, 1_000, DATASET.count, "ms")
    assert decoded(page) == [DATASET.event(index) for index in range(500, 1_500)]
    assert list(decoded(page)[0]) == ["id", "sessionId", "userId", "type", "name", "properties", "timestamp", "session"]


@given(st.lists(st.integers(0, 4_102_444_800_000)))
def test_iso_timestamps_name_the_same_moment(values: list[int]) -> None:
    for value, text in zip(values, iso_timestamps(values), strict=True):
        moment = msgspec.convert(text.strip('"'), type=datetime)
        assert round(moment.timestamp() * 1_000) == value
        assert len(text) == len('"2026-01-27T19:20:12.369Z"')


@given(st.integers(0, DATASET.count - 1), st.integers(1, 60))
def test_format_is_decided_by_position_in_the_page_not_by_the_event(start: int, limit: int) -> None:
    page = renderer().page(start, limit, DATASET.count, "mixed")
    for position, record in enumerate(decoded(page)):
        assert isinstance(record["timestamp"], int) is (position % 3 == 0)


def test_epoch_seconds_are_given_only_where_they_are_exact() -> None:
    page = renderer().page(0, 5_000, DATASET.count, "mixed-seconds")
    stamps = [record["timestamp"] for record in decoded(page)]
    seconds = [at for at, stamp in enumerate(stamps) if isinstance(stamp, int) and stamp < 10**11]
    assert len(seconds) > 100
    assert all(at % 6 == 0 and at for at in seconds)
    assert all(stamps[at] * 1_000 == DATASET.timestamp_ms(at) for at in seconds)


def test_page_is_of_the_documented_size() -> None:
    assert len(renderer().page(0, 5_000, DATASET.count, "mixed").body) == pytest.approx(1_732_547, rel=0.001)
    assert len(renderer().page(0, 5_000, DATASET.count, "ms").body) == pytest.approx(1_689_218, rel=0.001)


def test_a_page_is_rendered_once_while_there_is_room() -> None:
    kept, tight = renderer(), renderer(cache_bytes=0)
    assert kept.page(0, 100, DATASET.count, "mixed") is kept.page(0, 100, DATASET.count, "mixed")
    assert tight.page(0, 100, DATASET.count, "mixed") is not tight.page(0, 100, DATASET.count, "mixed")
    assert tight.page(0, 100, DATASET.count, "mixed") == kept.page(0, 100, DATASET.count, "mixed")


def test_damaged_records_are_damaged_as_told_and_their_neighbours_whole() -> None:
    damage = {3: "missing_id", 4: "missing_timestamp", 5: "bad_timestamp", 7: "nul", 9: "surrogate"}
    page = renderer(damage).page(0, 12, DATASET.count, "ms")
    assert b'"event_\\ud800' not in page.body
    assert page.body.count(b"\\ud800") == 1
    records = decoded(page._replace(body=page.body.replace(b"\\ud800", b"?")))
    truth = [DATASET.event(index) for index in range(12)]
    del truth[3]["id"], truth[4]["timestamp"]
    truth[5]["timestamp"] = msgspec.json.decode(BAD_TIMESTAMPS[5])
    truth[7]["name"] = "\x00" + truth[7]["name"]
    truth[9]["name"] = "?" + truth[9]["name"]
    assert records == truth
    assert page.damage == tuple(sorted(damage.values()))


def test_a_duplicate_takes_a_slot_and_the_chain_still_loses_nothing() -> None:
    pages, start, seen = renderer({2: "duplicate", 9: "duplicate", 18: "duplicate"}), 0, []
    while start < 30:
        page = pages.page(start, 10, 30, "mixed")
        records = decoded(page)
        assert len(records) == page.returned <= 10
        seen += [record["id"] for record in records]
        start = page.stop
    assert list(dict.fromkeys(seen)) == DATASET.ids()[:30]
    assert [id for id, times in Counter(seen).items() if times == 2] == [DATASET.id(at) for at in (2, 9, 18)]


def test_a_duplicate_in_the_last_slot_is_not_repeated() -> None:
    page = renderer({9: "duplicate"}).page(0, 10, DATASET.count, "ms")
    assert (page.returned, page.stop, page.damage) == (10, 10, ())
