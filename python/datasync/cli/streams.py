"""Standard streams that others may have closed, and files that are there whole or not at all."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from datasync.observe.aside import aside

STDOUT = 1


class CantWrite(OSError):
    """An output can't be written. `filename` says which."""


def hold_standard_streams() -> None:
    """Open those that are closed.

    A stream that was closed leaves its number to the next socket, and the log would be written there. What is written
    to a standard output that was closed fails as it did before: it would be lost.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == STDOUT else os.O_RDWR)


@contextmanager
def printing_aside() -> Iterator[None]:
    """Have what plugins print go to standard error: standard output has the data alone, which are written past this."""
    with redirect_stdout(aside()):
        yield


@contextmanager
def output(file: Path | None) -> Iterator[io.BufferedWriter]:
    """Write to standard output, or to `file`, which is there under its name once it is whole.

    Raises:
        CantWrite: it can't be written.
        BrokenPipeError: whoever read has had enough.
    """
    if file is None:
        with _Output(open(STDOUT, "wb", buffering=0, closefd=False), "standard output") as out:
            yield out
        return
    with _told(str(file)):
        beside = not file.exists() or stat.S_ISREG(file.stat().st_mode)
        part = file.with_name(f"{file.name}.part") if beside else file
        raw = part.open("wb", buffering=0)
    try:
        with _Output(raw, str(file)) as out:
            yield out
        if beside:
            with _told(str(file)):
                part.replace(file)
    finally:
        if beside:
            part.unlink(missing_ok=True)


class _Output(io.BufferedWriter):
    """Tells what it can't write from whatever else goes wrong meanwhile."""

    def __init__(self, raw: io.RawIOBase, name: str) -> None:
        super().__init__(raw)
        self._called = name

    def write(self, data: Any, /) -> int:
        with _told(self._called):
            return super().write(data)

    def flush(self) -> None:
        with _told(self._called):
            super().flush()


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (BrokenPipeError, CantWrite):
        raise
    except OSError as error:
        raise CantWrite(error.errno, error.strerror, name) from error
