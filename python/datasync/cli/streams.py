"""Standard streams that others may have closed, and files that are there whole or not at all."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

STDOUT = 1


def hold_standard_streams() -> None:
    """Open those that are closed.

    A stream that was closed leaves its number to the next socket, and the log would be written there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


@contextmanager
def output(file: Path | None) -> Iterator[BinaryIO]:
    """Write to standard output, or to `file`, which is there under its name once it is whole.

    Raises:
        OSError: it can't be written.
    """
    if file is None:
        with open(STDOUT, "wb", closefd=False) as out:
            yield out
    elif file.exists() and not stat.S_ISREG(file.stat().st_mode):
        with file.open("wb") as out:
            yield out
    else:
        part = file.with_name(f"{file.name}.part")
        try:
            with part.open("wb") as out:
                yield out
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
