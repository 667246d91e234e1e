"""The variables: those of the environment, and those of a file beside it."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from datasync.config import suspect
from datasync.errors import ConfigError


def variables(env_file: Path | None) -> Mapping[str, str]:
    """Give what the file of `NAME=value` lines sets; None is `.env` in the working directory, if there is one.

    Raises:
        ConfigError: `env_file` is not there, can't be read, or has a line that says nothing.
    """
    if env_file is not None and not env_file.is_file():
        raise ConfigError(f"the file `{env_file}` is not there", hint="--env-file takes a file of NAME=value lines")
    file = env_file or Path(".env")
    try:
        if file.is_file():
            _refuse_unreadable(file)
        return {name: value for name, value in dotenv_values(file).items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"`{file}` can't be read: {error}", hint="it is a text file in UTF-8") from error


def _refuse_unreadable(file: Path) -> None:
    """Refuse the first line that dotenv would pass over. What stands in it may be a secret, and is not shown."""
    for binding in parse_stream(io.StringIO(file.read_text(encoding="utf-8"))):
        if binding.error:
            written = binding.original.string
            line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
            raise ConfigError(
                f"{file}:{line}: is no `NAME=value`",
                hint="is a quote not closed, or the `=` missing? what is no setting begins with #",
            )


def lookup(environ: Mapping[str, str], env_file: Path | None) -> Callable[[str], str]:
    """Give what looks a variable up: in `environ`, else in the file; "" where it is not set or empty.

    Raises:
        ConfigError: a variable is misspelled or refers to one that isn't set; and see `variables`.
    """
    from_file = variables(env_file)
    file = env_file or Path(".env")
    suspect.refuse_typos(environ, from_file)
    if file.is_file():
        suspect.warn_of_readers(file, from_file)
    suspect.refuse_unresolved(environ, file)
    return lambda name: environ.get(name) or from_file.get(name) or ""
