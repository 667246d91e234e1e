"""The catalogue of faults is whole: each has a test, or a reason why it can't be had here."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import catalogue

ROOT = Path(__file__).parents[2]

LISTED = catalogue.load()
MARKED = catalogue.marked()


def test_the_catalogue_names_seventy_faults() -> None:
    assert list(LISTED.faults) == list(range(1, 71))
    assert all(LISTED.faults.values())


@pytest.mark.parametrize("fault", LISTED.faults)
def test_every_fault_has_either_a_test_or_a_reason(fault: int) -> None:
    assert (fault in MARKED) != bool(LISTED.reasons.get(fault))


def test_no_test_shows_a_fault_that_is_not_listed() -> None:
    assert MARKED.keys() <= LISTED.faults.keys()


SCRIPT = """
import pytest

@pytest.mark.fault(1)
def test_good(): pass

@pytest.mark.fault(1, 2)
@pytest.mark.parametrize("good", [True, False])
def test_half(good): assert good or pytest.skip()

@pytest.mark.fault(3)
def test_skipped(): pytest.skip()

@pytest.mark.parametrize("bad", [pytest.param(True, marks=pytest.mark.fault(4)), False])
def test_bad(bad): assert not bad

@pytest.fixture
def broken():
    yield
    raise ValueError

@pytest.mark.fault(5)
def test_bad_afterwards(broken): pass

def test_unmarked(): raise AssertionError("not selected")
"""


def test_the_report_counts_what_was_shown_and_fails_where_something_was_not(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(SCRIPT)
    options = ["-q", "-p", "tests.faults.report", "-c", str(ROOT / "pyproject.toml"), str(tmp_path)]
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    verdicts = {line.split()[0]: line.split()[1] for line in lines if line.startswith("F0")}
    assert [verdicts[f"F0{fault}"] for fault in range(1, 7)] == [
        *("survived", "survived", "FAILED", "FAILED", "FAILED", "MISSING")
    ]
    assert lines[-1] == f"faults survived 2/{70 - len(LISTED.reasons)}"
