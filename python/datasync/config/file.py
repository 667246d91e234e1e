"""Reads a `datasync.toml`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from datasync import envvars
from datasync.config import check, explain, hidden, keys, mask, resolve, shorthand, suspect
from datasync.config.environment import lookup, variables
from datasync.config.invalid import InvalidSpec
from datasync.config.schema import MIN_MASKED
from datasync.config.spec import Config
from datasync.errors import ConfigError

NAME: Final = "datasync.toml"
"""What a configuration is called unless told."""


_TWICE: Final = "a key or a table stands there for the second time: leave one out; several endpoints are `[[endpoint]]`"


def find(environ: Mapping[str, str], *, env_file: Path | None = None) -> Path | None:
    """Give the file to read where none is named: what DATASYNC_CONFIG says, else `datasync.toml` here, else None.

    Raises:
        ConfigError: `env_file` is not there, or can't be read.
    """
    named = (environ.get(envvars.CONFIG) or variables(env_file).get(envvars.CONFIG) or "").strip()
    if named:
        return Path(named)
    return Path(NAME) if Path(NAME).exists() else None


def read(path: Path, environ: Mapping[str, str], *, env_file: Path | None = None) -> Config:
    """Read a configuration, with all references replaced and everything checked that can be without a request.

    Warns of secrets that stand in the file itself.

    Args:
        path: of the file.
        environ: usually `os.environ`; a variable there wins over the same one in `env_file`.
        env_file: see `datasync.config.load`.

    Raises:
        ConfigError: naming the file, and the path of the key; for variables and files of secrets all that are missing.
    """
    raw = _parsed(path)
    variable = lookup(environ, env_file)
    resolver = resolve.Resolver(variable, path.parent)
    try:
        config = _config(raw, resolver)
        suspect.refuse_unresolved(environ, env_file or Path(".env"), resolver.names)
    except InvalidSpec as error:
        # Masked: somebody may have put a secret where none belongs.
        masker = mask.Masker(secret for secret in resolver.revealed if len(secret.reveal()) >= MIN_MASKED)
        raise ConfigError(masker(f"{path}: {error}"), hint=error.hint and masker(error.hint)) from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}", hint=error.hint) from None
    _label(config, resolver, path)
    return config


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"the configuration `{path}` is not there: looked at {path.absolute()}",
            hint=f"name the file, or set {envvars.CONFIG}; `datasync init URL` writes one",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"the configuration `{path}` can't be read: {error.strerror}", hint="it is a file that this user may read"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the configuration `{path}` can't be read: byte {error.start} is no UTF-8", hint="TOML is text in UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        text = str(error)
        raise ConfigError(
            f"{path}: {text[:1].lower()}{text[1:]}",
            hint=_TWICE
            if text.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate"))
            else "the file is TOML: text stands in quotes, tables in [brackets]",
        ) from None


def _config(raw: dict[str, Any], resolver: resolve.Resolver) -> Config:
    tree: dict[str, Any] = resolver(shorthand.expanded(raw))

    def convert(value: Any) -> Config:
        return msgspec.convert(value, Config, dec_hook=explain.as_secret)

    try:
        config = convert(tree)
    except msgspec.ValidationError as error:
        resolver.refuse_missing()
        raise explain.explained(error, raw, tree, convert) from None
    resolver.refuse_missing()
    check.refuse(config)
    return config


def _label(config: Config, resolver: resolve.Resolver, path: Path) -> None:
    """Say of each secret where it came from, and warn of those that stand in the file."""
    written = []
    for key, secret in hidden.found(config):
        if not secret.source:
            secret.source = resolver.origins.get(key) or keys.text(key)
            if key not in resolver.origins and hidden.worth_a_warning(key, secret):
                written.append(secret.source)
    if written:
        structlog.get_logger().warning(
            "secrets stand in the configuration itself",
            file=str(path),
            keys=written,
            hint="write `${NAME}`, and set that variable in the environment or in .env",
        )
