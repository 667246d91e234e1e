"""Standard error, for words that may get lost."""

import io
import os
import sys
from contextlib import suppress
from typing import Any


def aside() -> io.TextIOWrapper:
    """Give a stream that writes to `sys.stderr`, as it is at each write. What can't be written stops nothing."""
    return io.TextIOWrapper(_Aside(), encoding="utf-8", errors="backslashreplace", write_through=True)  # type: ignore[arg-type]  # raw will do


class _Aside(io.RawIOBase):
    def write(self, data: Any, /) -> int:
        stderr, left = sys.stderr, memoryview(data)
        original = stderr is sys.__stderr__
        if stderr is None:
            return len(data)
        with suppress(OSError, ValueError):
            if original:
                # To the handle: what stays in a buffer would fail again at the end of the process, and change its code.
                while left:
                    left = left[os.write(stderr.fileno(), left) :]
            else:
                stderr.write(bytes(data).decode("utf-8", "replace"))
                stderr.flush()
        return len(data)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return sys.stderr is not None and sys.stderr.isatty()

    def fileno(self) -> int:
        if sys.stderr is None:
            raise io.UnsupportedOperation("standard error is closed")
        return sys.stderr.fileno()
