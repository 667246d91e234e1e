"""What a command says of an error that isn't one of ours."""

import errno
import json

import pytest

from datasync.cli.ending import ended
from datasync.cli.summary import Summary


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file", "/a/b"), "can't use `/a/b`: No such file"),
        (FileNotFoundError(errno.ENOENT, "No such file", b"/a/b"), "can't use `/a/b`: No such file"),
        (OSError("a text alone"), "the system refused something: a text alone"),
        (OSError(), "the system refused something: OSError"),
    ],
)
def test_an_error_of_the_system_says_what_and_where_and_has_a_hint(
    error: OSError, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, ended():
        raise error
    first, second = capfd.readouterr().err.splitlines()
    assert end.value.code == 2
    assert first == f"error: {said}"
    assert second.startswith("hint: ")


def test_a_summary_of_an_internal_error_has_its_code(capfd: pytest.CaptureFixture[str]) -> None:
    summary = Summary()
    with pytest.raises(SystemExit), ended(before=summary.write):
        raise LookupError("a mistake of ours")
    found = json.loads(capfd.readouterr().out)
    assert (found["outcome"], found["error"]["code"]) == ("failed", "internal")
