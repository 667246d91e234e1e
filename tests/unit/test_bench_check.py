import json

from benches.check import fallen
from benches.run import RATIOS


def test_a_ratio_a_fifth_below_the_saved_one_passes_and_a_lower_one_fails() -> None:
    assert fallen({"a": 5.0, "b": 1.0}, {"a": 4.0, "b": 0.9}) == []
    assert fallen({"a": 5.0, "b": 1.0}, {"a": 3.99, "b": 2.0}) == ["a"]


def test_a_bench_that_is_gone_counts_as_fallen() -> None:
    assert fallen({"a": 5.0}, {}) == ["a"]


def test_the_goals_hold_for_the_saved_ratios() -> None:
    saved = json.loads(RATIOS.read_text())
    assert min(value for name, value in saved.items() if name.startswith("page to")) >= 5
    assert saved["ingest, direct / staged bound of the database (1 is the bound)"] >= 0.9
    assert saved["ingest, staged / staged bound of the database (1 is the bound)"] >= 0.7
    lanes = [value for name, value in saved.items() if ": staged, " in name and name.endswith(" / direct")]
    assert len(lanes) == 3
    assert min(lanes) >= 1.5
    assert saved["first load: bare COPY by two connections / direct (1 is the bound)"] >= 0.85
    assert min(value for name, value in saved.items() if name.startswith("staged bound: naive")) >= 4
    assert saved["ingest: built-in endpoint / the same from a configuration (0.97 is 3 % slower)"] >= 0.97
    assert saved["ingest: without / with a transform that changes one field (0.33 is three times as long)"] >= 1 / 3
    assert saved["the same rows again: first load (direct) / all duplicates"] >= 1
    assert saved["1 % bad records: ingest without / with them (0.9 is 10 % slower)"] >= 0.9
