"""The data folder of a server: make it once, know its major version, tell when its server answers."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from datasync.testing.binaries import Binaries
from datasync.testing.child import owned_command, server_environment
from datasync.testing.errors import EmbeddedPostgresError
from datasync.testing.identity import Identity

_INITDB: Final = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
"""`trust` is sound because the only way in is a socket in a folder that nobody else may enter."""
_INITDB_SECONDS: Final = 120.0
_STATUS_LINE: Final = 7
"""Place of the status in `postmaster.pid`, counted from 0; `pg_ctl` reads the same line."""


def data_major(data_dir: Path) -> int | None:
    """Give the major version that a data folder belongs to, or None when there is nothing in it yet.

    Raises:
        EmbeddedPostgresError: the folder holds something else, or can't be read.
    """
    try:
        if not data_dir.exists() or not any(data_dir.iterdir()):
            return None
        return int((data_dir / "PG_VERSION").read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise EmbeddedPostgresError(
            f"{data_dir} is not a PostgreSQL data folder that this user can read: {error}",
            hint="give an empty or new folder, or one made by datasync",
        ) from error


def create_cluster(data_dir: Path, binaries: Binaries, identity: Identity) -> None:
    """Make a data folder (0700), owned by superuser `postgres`, UTF-8, compared bytewise.

    It appears whole or not at all: a killed `initdb` would leave a folder that looks finished.

    Raises:
        EmbeddedPostgresError: `initdb` failed; the message has its output.
    """
    staging: Path | None = None
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{data_dir.name}.", dir=data_dir.parent))
        identity.give(staging)
        _run_initdb([binaries.initdb, *_INITDB, "-D", staging], staging, identity)
        staging.rename(data_dir)
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"{data_dir} could not be made with {binaries.initdb}: {error}", hint=_reach_hint(identity)
        ) from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def is_ready(data_dir: Path, pid: int) -> bool:
    """Whether the server with this process id takes connections. A file left by an earlier server says nothing."""
    try:
        lines = (data_dir / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"


def _run_initdb(command: list[str | Path], folder: Path, identity: Identity) -> None:
    done = subprocess.run(
        owned_command(command, identity),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=server_environment(),
        timeout=_INITDB_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        output = done.stdout.decode(errors="replace").strip()
        raise EmbeddedPostgresError(
            f"`initdb` ended with {done.returncode} for {folder.parent}:\n{output}", hint=_reach_hint(identity)
        )


def _reach_hint(identity: Identity) -> str:
    if identity.account is not None:
        return (
            f"root runs the server as `{identity.account}` here, who has to reach the data folder and the "
            "server's programs; choose places open to it, or run datasync as an ordinary user"
        )
    return "check that the folder is writable and the disk isn't full"
