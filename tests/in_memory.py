"""Servers whose files are in memory. Their time goes into files: each database has 300, made and deleted for one test.

ext4 looks at all files that were deleted within the last minutes before it makes one, so that a database costs ten
times as much processor time there as in memory, a fifth of the suite's.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import pytest

MEMORY: Final = Path("/dev/shm")
ROOM: Final = 1 << 30
"""Bytes for the server of one worker, several times what it takes."""

SETTINGS: Final = {"max_wal_size": "256MB"}
"""Where each byte of the log is one of memory."""


@contextmanager
def in_memory() -> Iterator[None]:
    """Have temporary folders made in memory meanwhile, where there is enough for all workers; else where they are."""
    with pytest.MonkeyPatch.context() as patch:
        if _room() >= ROOM * int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")):
            patch.setattr(tempfile, "tempdir", str(MEMORY))
            patch.setenv("TMPDIR", str(MEMORY))
        yield


def _room() -> int:
    if not os.access(MEMORY, os.W_OK):
        return 0
    return min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
