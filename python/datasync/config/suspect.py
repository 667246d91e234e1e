"""Settings that are there and still not what somebody meant: references that nothing replaced, names with a typo."""

import re
import stat
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import structlog
from dotenv import dotenv_values

from datasync import envvars
from datasync.errors import ConfigError

PREFIX: Final = "DATASYNC_"

_KNOWN: Final = tuple(value for name, value in vars(envvars).items() if name.isupper())
_OF_OPTIONS: Final = tuple(value for value in _KNOWN if value.endswith("_"))
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}")
_SECRET: Final = (envvars.DATABASE_URL, envvars.API_KEY, envvars.ACCESS_HEADERS)


def refuse_typos(environ: Iterable[str], from_file: Iterable[str]) -> None:
    """Refuse names that nothing reads: any of ours in a file, and what resembles one of ours in the environment.

    The environment is not ours alone: orchestrators put names there that begin like ours.

    Raises:
        ConfigError: naming the variable, and the one that was probably meant.
    """
    in_file = [name for name in from_file if name.startswith(PREFIX)]
    for name in [*environ, *in_file]:
        if not name.startswith(PREFIX) or name in _KNOWN or name.startswith(_OF_OPTIONS):
            continue
        meant = get_close_matches(name, _KNOWN, n=1, cutoff=0.85)
        if meant or name in in_file:
            known = ", ".join(known for known in _KNOWN if known.startswith(PREFIX))
            raise ConfigError(
                f"nothing reads the variable {name}",
                hint=f"is {meant[0]} meant?" if meant else f"known are {known}",
            )


def refuse_unresolved(environ: Mapping[str, str], file: Path, names: Iterable[str] = _KNOWN) -> None:
    """Refuse values with a `${NAME}` in them that nothing replaced, in the variables that are read: ours, or `names`.

    In a file dotenv replaces it, by nothing where there is no such variable: half a password would be left.

    Raises:
        ConfigError: naming the variable and what it refers to; never its value.
    """
    raw = dotenv_values(file, interpolate=False)
    for name in names:
        for reference, default in _REFERENCE.findall(environ.get(name) or ""):
            raise _unresolved(name, reference + default)
        for reference, default in [] if environ.get(name) else _REFERENCE.findall(raw.get(name) or ""):
            if not default and not environ.get(reference) and not raw.get(reference):
                raise _unresolved(name, reference)


def warn_of_readers(file: Path, from_file: Mapping[str, str | None]) -> None:
    """Warn of a file with secrets in it that everybody on this machine may read."""
    secrets = [name for name in _SECRET if from_file.get(name)]
    if secrets and file.stat().st_mode & stat.S_IROTH:
        structlog.get_logger().warning(
            "everybody on this machine can read the secrets in a file",
            file=str(file),
            names=secrets,
            hint=f"chmod 600 {file}",
        )


def _unresolved(name: str, reference: str) -> ConfigError:
    return ConfigError(
        f"{name} holds a ${{{reference}}} that nothing replaced",
        hint="set that variable, too, or write the value itself",
    )
