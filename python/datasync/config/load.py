"""The settings of a run that no configuration describes: variables and options say all."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from datasync import envvars
from datasync.config import urls
from datasync.config.environment import lookup
from datasync.config.headers import parse_headers, usable_value
from datasync.config.mask import Masker
from datasync.config.overrides import Options, overrides
from datasync.config.schema import MIN_MASKED, Settings
from datasync.config.secret import Secret
from datasync.errors import ConfigError

_REQUIRED = (envvars.DATABASE_URL, envvars.API_BASE_URL, envvars.API_KEY)
_HOW = "set it in the environment or in a .env file, as `datasync ingest --help` says"

_NOTHING = Options()


def load(environ: Mapping[str, str], options: Options = _NOTHING, *, env_file: Path | None = None) -> Settings:
    """Give the settings of a run.

    A variable of `environ` wins over the same one in `env_file`. An empty value counts as missing.

    Args:
        environ: usually `os.environ`.
        options: that win over the variables.
        env_file: a file of `NAME=value` lines. None means `.env` in the working directory, if there is one.

    Raises:
        ConfigError: a variable is missing or malformed (all missing ones are named), misspelled, or refers to one that
            isn't set; or `env_file` is not there.
    """
    value = lookup(environ, env_file)
    needed = _required(value, *_REQUIRED, hint=f"{_HOW}; or write a configuration: `datasync init URL`")
    usual = Settings(
        database_url=Secret(_database_url(needed[envvars.DATABASE_URL]), source=envvars.DATABASE_URL),
        api_base_url=_base_url(needed[envvars.API_BASE_URL]),
        api_key=Secret(_header_value(needed[envvars.API_KEY]), source=envvars.API_KEY),
    )
    told = overrides(value, options)
    return msgspec.structs.replace(told.over(usual), endpoint=told.endpoint or usual.endpoint)


def load_database(environ: Mapping[str, str], *, env_file: Path | None = None) -> tuple[Secret, Masker]:
    """Give the database's URL, and what masks it in texts, with the API's secrets as far as they are set.

    Raises:
        ConfigError: the URL is missing or malformed, or `env_file` is not there.
    """
    value = lookup(environ, env_file)
    hint = f"{_HOW}; a `datasync.toml` here, or that {envvars.CONFIG} names, tells it only with the sink `postgres`"
    url = _required(value, envvars.DATABASE_URL, hint=hint)[envvars.DATABASE_URL]
    database = Secret(_database_url(url), source=envvars.DATABASE_URL)
    masker = Masker([database, Secret(value(envvars.API_KEY).strip(), source=envvars.API_KEY)])
    with suppress(ConfigError):  # whoever needs the headers is told
        headers = parse_headers(value(envvars.ACCESS_HEADERS), source=envvars.ACCESS_HEADERS).values()
        masker.add(secret for secret in headers if len(secret.reveal()) >= MIN_MASKED)
    return database, masker


def _required(value: Callable[[str], str], *names: str, hint: str) -> Mapping[str, str]:
    found = {name: value(name) for name in names}
    missing = [name for name, value in found.items() if not value.strip()]
    if missing:
        raise ConfigError(
            f"not set: {', '.join(missing)}",
            hint=hint,
        )
    return found


def _database_url(value: str) -> str:
    value = value.strip()
    if wrong := urls.database_url(value):
        raise ConfigError(f"{envvars.DATABASE_URL} {wrong[0]}", hint=wrong[1])
    return value


def _base_url(value: str) -> str:
    value = value.strip()
    if wrong := urls.base_url(value):
        raise ConfigError(
            f"{envvars.API_BASE_URL} {wrong[0]}", hint=f"{wrong[1]}; credentials go into {envvars.API_KEY}"
        )
    return value.rstrip("/")


def _header_value(value: str) -> str:
    value = value.strip()
    # httpx would fail later with the value in the message.
    if not usable_value(value):
        raise ConfigError(
            f"{envvars.API_KEY} has characters that an HTTP header can't carry, or is too long",
            hint="look for a line break or a quote that was pasted along",
        )
    return value
