"""Rules of the house that a reader relies on."""

import subprocess
from pathlib import Path

import pytest

from datasync import hookspecs

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split() if (ROOT / name).is_file()]


def test_no_source_file_is_longer_than_300_lines() -> None:
    sources = tracked("*.py", "*.pyi", "*.rs")
    assert sources
    too_long = {
        str(path.relative_to(ROOT)): lines for path in sources if (lines := len(path.read_text().splitlines())) > 300
    }
    assert not too_long


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path
        for path in tracked("python/*.py", "benches/*.py", "examples/*.py")
        if path.read_text().strip() and not path.read_text().startswith(('"""', 'r"""'))
    ]
    assert not silent


@pytest.mark.parametrize(
    "hook", [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "datasync_spec")]
)
def test_every_hook_has_a_test_of_its_own(hook: str) -> None:
    assert f"def test_hook_{hook}" in (ROOT / "tests/unit/test_plugins.py").read_text()
