"""The simulated damage: decided by its seed alone, and known to the tests."""

from __future__ import annotations

from collections import Counter

import pytest

from datasync.simulator.chaos import RECORD_KINDS, REQUEST_KINDS, Chaos, Dose, chaos_headers, parse_chaos

PLAN = parse_chaos("429=0.05,reset=0.1,truncate=0.1,missing_id=0.001,nul=0.002,duplicate=0.01")


def test_damage_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    one, same, other = (Chaos(PLAN, seed, 50_000) for seed in (1, 1, 2))
    assert one.damaged == same.damaged != other.damaged
    drawn = [one.next_request() for _ in range(500)]
    assert drawn == [same.next_request() for _ in range(500)] != [other.next_request() for _ in range(500)]
    # Asked by number, in whatever order, the draw is the same.
    assert [one.draw(number) for number in range(500, 0, -1)] == drawn[::-1]


def test_damage_is_as_frequent_as_told() -> None:
    chaos = Chaos(PLAN, 1, 200_000)
    records = Counter(chaos.damaged.values())
    assert records["missing_id"] == pytest.approx(200, rel=0.25)
    assert records["nul"] == pytest.approx(400, rel=0.25)
    assert records["duplicate"] == pytest.approx(2_000, rel=0.1)
    answers = Counter(chaos.next_request() for _ in range(4_000))
    assert answers["429"] == pytest.approx(200, rel=0.25)
    assert answers["reset"] == pytest.approx(400, rel=0.25)
    assert chaos.applied() == {kind: times for kind, times in answers.items() if kind}


def test_a_record_tells_its_damage_by_index() -> None:
    chaos = Chaos(PLAN, 1, 10_000)
    index = next(iter(chaos.damaged))
    assert chaos.record_damage(index) == chaos.damaged[index]
    assert chaos.record_damage(10_001) is None
    assert all(0 <= index < 10_000 for index in chaos.damaged)


def test_a_bound_is_kept() -> None:
    chaos = Chaos(parse_chaos("500=1:3,missing_id=1:2"), 1, 100)
    assert [chaos.next_request() for _ in range(5)] == ["500", "500", "500", None, None]
    assert chaos.damaged == {0: "missing_id", 1: "missing_id"}


def test_certain_damage_hits_every_record() -> None:
    assert len(Chaos(parse_chaos("nul=1"), 1, 100).damaged) == 100


@pytest.mark.parametrize("kind", [*REQUEST_KINDS, *RECORD_KINDS])
def test_every_kind_can_be_asked_for_and_names_itself(kind: str) -> None:
    assert parse_chaos(f"{kind}=0.5:7") == {kind: Dose(0.5, 7)}
    headers = chaos_headers((kind,))
    assert headers["X-Chaos-Applied"]
    assert headers["X-Chaos-Description"].isascii()


def test_missing_fields_are_named_as_the_api_names_them() -> None:
    assert chaos_headers(("missing_id", "missing_timestamp"))["X-Chaos-Applied"] == "missingFields"
    assert chaos_headers(()) == {}


@pytest.mark.parametrize("text", ["nonsense=1", "500", "500=2", "500=-1", "500=x", "500=1:x", "500=0.6,502=0.6"])
def test_a_plan_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="chaos"):
        parse_chaos(text)


def test_no_plan_is_no_damage() -> None:
    chaos = Chaos(parse_chaos(""), 1, 1_000)
    assert not chaos.damaged
    assert chaos.next_request() is None
