"""The variables: those of the environment, and those of a file beside it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from datasync.config import suspect
from datasync.errors import ConfigError


def variables(env_file: Path | None) -> Mapping[str, str]:
    """Give what the file of `NAME=value` lines sets; None is `.env` in the working directory, if there is one.

    Raises:
        ConfigError: `env_file` is not there, or can't be read.
    """
    if env_file is not None and not env_file.is_file():
        raise ConfigError(f"the file `{env_file}` is not there", hint="--env-file takes a file of NAME=value lines")
    try:
        return {name: value for name, value in dotenv_values(env_file or ".env").items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"`{env_file or '.env'}` can't be read: {error}", hint="it is a text file in UTF-8"
        ) from error


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
