"""What a command says of an error that isn't one of ours."""

import errno

import pytest

from datasync.cli.ending import ended


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
