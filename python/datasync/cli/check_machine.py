"""`datasync check`: this machine and this installation."""

import platform
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

from datasync import _native
from datasync.cli.check_finding import Finding, ok, warning

FEW_FILES: Final = 256
"""Open files of a process that are few. A run has some 15 connections, and libraries open files, too."""


def findings() -> Iterator[Finding]:
    """Look at Python, the native core and the limits of the process."""
    yield ok("python", f"{platform.python_implementation()} {platform.python_version()} on {platform.machine()}")
    yield native(_native.build_info())
    if find_spec("uvloop") is None:
        yield warning("loop", "uvloop is not installed: asyncio's own loop is slower", "pip install uvloop")
    else:
        yield ok("loop", "uvloop")
    yield from _files()


def native(build: dict[str, str]) -> Finding:
    """Judge the build of the native core."""
    text = f"datasync {build['version']}, {build['profile']} build for {build['target']}"
    if build["profile"] != "release":
        return warning("native", text, "it is many times slower: install a wheel, or build with --release")
    return ok("native", text)


def _files() -> Iterator[Finding]:
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    yield files(resource.getrlimit(resource.RLIMIT_NOFILE)[0], unlimited=resource.RLIM_INFINITY)


def files(limit: int, *, unlimited: int) -> Finding:
    """Judge how many files a process may have open."""
    if limit == unlimited:
        return ok("files", "any number of open files")
    if limit < FEW_FILES:
        return warning("files", f"a process may have {limit:,} files open, which are few", f"ulimit -n {FEW_FILES * 4}")
    return ok("files", f"{limit:,} open files")
