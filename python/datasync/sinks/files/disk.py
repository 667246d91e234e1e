"""Files that are what they should be after a crash, too; and what the system says of them as our errors."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from datasync.errors import ConfigError, DatasyncError, SinkBusy, SinkConflict, SinkError, SinkUnavailable

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_HERE: Final = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)
_REFUSED: Final = (errno.EACCES, errno.EPERM, errno.EROFS, *_NOT_HERE)


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Turn what the system or SQLite raises while `doing` something into a ConfigError or SinkError."""
    try:
        yield
    except DatasyncError:
        raise
    except OSError as error:
        raise _of_system(error, doing) from error
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_FULL", "SQLITE_BUSY")):
            raise SinkConflict(f"{doing}: {error} ({name})", hint="run again when there is room") from error
        raise SinkError(f"{doing}: {error} ({name or 'SQLite'})") from error


def _of_system(error: OSError, doing: str) -> DatasyncError:
    if error.errno in _FULL:
        return SinkConflict(f"{doing}: {error}", hint="run again when there is room")
    if error.errno in _REFUSED:
        return ConfigError(f"{doing}: {error}", hint="name a folder that this user may write to")
    return SinkUnavailable(f"{doing}: {error}", hint="is the disk there, and in order?")


def writable(descriptor: int) -> bool:
    """Whether it is open, and for writing."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except OSError:
        return False


def lock(folder: Path, what: str) -> int:
    """Lock a folder for the life of the descriptor that is given. Writes nothing; a killed process holds no lock.

    Raises:
        SinkBusy: another run holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SinkBusy(
            f"another run writes {what}", hint="wait for it to end (--wait does), or stop it, or write elsewhere"
        ) from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a crash."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


class Grown:
    """A file that grows. What is beyond the end that its user knows was never committed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def size(self) -> int | None:
        """Bytes that are there; None where there is no file."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return None

    def open(self, end: int) -> None:
        """Create it, or cut it back to `end` bytes."""
        self.close()
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o666)
        os.ftruncate(self._descriptor, end)
        os.fsync(self._descriptor)
        sync_folder(self.path.parent)

    def write(self, end: int, data: bytes) -> int:
        """Write behind `end`, in place of what a failed attempt left. Give the new end."""
        assert self._descriptor is not None  # open() comes first
        left = memoryview(data)
        while left:
            written = os.pwrite(self._descriptor, left, end)
            left = left[written:]
            end += written
        return end

    def sync(self, end: int) -> None:
        """Have all up to `end` on the disk, and nothing behind it."""
        assert self._descriptor is not None  # open() comes first
        os.ftruncate(self._descriptor, end)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close it, if it is open."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Poured:
    """A file or stdout that can only be added to, because others may add to it as well. Used like Grown."""

    def __init__(self, path: Path | None) -> None:
        """Take None for stdout. A file is made by the first write."""
        self.path = path

    def size(self) -> int | None:
        """What is there is not ours to count."""
        return None

    def open(self, end: int) -> None:
        """Nothing is cut back."""

    def write(self, end: int, data: bytes) -> int:
        """Add all of `data`; give `end` and its length."""
        descriptor = 1 if self.path is None else os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
        finally:
            if self.path is not None:
                os.close(descriptor)
        return end + len(data)

    def sync(self, end: int) -> None:
        """Whoever reads it has it."""

    def close(self) -> None:
        """Nothing is held."""
