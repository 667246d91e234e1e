"""Reads the settings from the environment and from `.env`."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from datasync import envvars
from datasync.config.schema import Secret, Settings
from datasync.errors import ConfigError


def load(
    environ: Mapping[str, str],
    *,
    env_file: Path | None = None,
    transforms: tuple[str, ...] = (),
    restart: bool = False,
) -> Settings:
    """Give the settings of a run.

    A variable of `environ` wins over the same one in `env_file`. An empty value counts as missing.

    Args:
        environ: usually `os.environ`.
        env_file: a file of `NAME=value` lines. None means `.env` in the working directory, if there is one.
        transforms: see Settings.
        restart: see Settings.

    Raises:
        ConfigError: a variable is missing or malformed (all missing ones are named), or `env_file` is not there.
    """
    if env_file is not None and not env_file.is_file():
        raise ConfigError(f"the file `{env_file}` is not there", hint="--env-file takes a file of NAME=value lines")
    from_file = dotenv_values(env_file or ".env")
    values = {
        name: environ.get(name) or from_file.get(name) or ""
        for name in (envvars.DATABASE_URL, envvars.API_BASE_URL, envvars.API_KEY)
    }
    missing = [name for name, value in values.items() if not value.strip()]
    if missing:
        raise ConfigError(
            f"not set: {', '.join(missing)}",
            hint="set it in the environment or in a .env file; `datasync ingest --help` says what each one is",
        )
    return Settings(
        database_url=Secret(_database_url(values[envvars.DATABASE_URL]), source=envvars.DATABASE_URL),
        api_base_url=_base_url(values[envvars.API_BASE_URL]),
        api_key=Secret(_header_value(values[envvars.API_KEY]), source=envvars.API_KEY),
        transforms=transforms,
        restart=restart,
    )


def _database_url(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        # The value is not shown: it may hold a password.
        raise ConfigError(
            f"{envvars.DATABASE_URL} is not a PostgreSQL URL",
            hint="it looks like postgresql://user:password@host:5432/database",
        )
    return value


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{envvars.API_BASE_URL} is not an http(s) URL", hint="it looks like https://host/api/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"{envvars.API_BASE_URL} has more than a scheme, a host and a path",
            hint=f"credentials go into {envvars.API_KEY}; leave out `?...` and `#...`",
        )
    return value.rstrip("/")


def _header_value(value: str) -> str:
    value = value.strip()
    # RFC 9110 section 5.5: visible ASCII. httpx would fail later with the value in the message.
    if not value.isascii() or not value.isprintable():
        raise ConfigError(
            f"{envvars.API_KEY} has characters that an HTTP header can't carry",
            hint="look for a line break or a quote that was pasted along",
        )
    return value
