"""The private folder of one server: socket, log, and the data when they are temporary.

A killed owner can't clean up after itself. So each folder carries a lock that the kernel drops with its owner, and
whoever makes the next folder removes those whose owner and server are gone.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_PREFIX: Final = "datasync-pg-"
_LOCK: Final = "owner.lock"
# A socket path holds 107 bytes on Linux and 103 on macOS, with "/.s.PGSQL.5432" and our suffix in it.
_LONGEST_PARENT: Final = 60


class RunDir:
    """A folder (0700) under a short path, held until `remove`."""

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        if len(os.fsencode(parent)) > _LONGEST_PARENT:
            parent = Path("/tmp")  # noqa: S108 - a private 0700 folder made by mkdtemp, and the only short path there is
        _sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock = _hold(self.path)

    def remove(self) -> None:
        """Delete the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _hold(folder: Path) -> int:
    # Locked before it gets its name: a sweeper never sees a lock file that nobody holds yet. Python opens it
    # close-on-exec, so the server doesn't inherit the lock.
    unnamed = folder / f"{_LOCK}.new"
    lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    unnamed.rename(folder / _LOCK)
    return lock


def _sweep(parent: Path) -> None:
    """Remove folders left behind by owners of this user that were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue  # being made right now, or not ours to read
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_uid == os.geteuid() and not _server_runs(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue  # its owner lives
        finally:
            os.close(lock)


def _server_runs(folder: Path) -> bool:
    """Whether a server that its dead owner left is still shutting down. It names itself in the folder of its data."""
    try:
        pid = int((folder / "data" / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
