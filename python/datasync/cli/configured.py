"""What a command works with: a configuration, where there is one, else what the environment says alone."""

import os
import sys
from pathlib import Path
from typing import Any

from datasync.config import Masker, Secret, Settings, load, load_database
from datasync.config.compile import runs as compiled
from datasync.config.environment import lookup
from datasync.config.file import find, read
from datasync.config.overrides import Options, overrides
from datasync.errors import ConfigError


def find_functions_here() -> None:
    """Look for `module:function` in the current folder, too: the console script has its own one in the path instead.

    Raises:
        ConfigError: there is no current folder.
    """
    try:
        folder = Path.cwd()
    except OSError as error:
        raise ConfigError(
            f"the current folder can't be used: {error.strerror}", hint="was it deleted? change to another one"
        ) from error
    sys.path.append(str(folder))


def runs(config: Path | None, env_file: Path | None, **told: Any) -> tuple[Settings, ...]:
    """The settings of each endpoint's run, parents before their children. They have one mask.

    Args:
        config: the file; None is the one that `config.file.find` finds, if any.
        env_file: see `config.load`.
        told: the fields of Options.

    Raises:
        ConfigError: the configuration can't be followed, or a variable is missing.
    """
    options = Options(**told)
    path = config or find(os.environ, env_file=env_file)
    if path is None:
        return (load(os.environ, options, env_file=env_file),)
    wanted = overrides(lookup(os.environ, env_file), options)
    return compiled(read(path, os.environ, env_file=env_file), overrides=wanted)


def database(config: Path | None, env_file: Path | None) -> tuple[Secret, Masker]:
    """The database's URL, and what masks it.

    Raises:
        ConfigError: there is none.
    """
    path = config or find(os.environ, env_file=env_file)
    if path is not None:
        (first, *_) = compiled(read(path, os.environ, env_file=env_file))
        if first.database_url.reveal():
            return first.database_url, first.mask
    return load_database(os.environ, env_file=env_file)
