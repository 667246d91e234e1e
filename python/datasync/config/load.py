"""Reads the settings from the environment and from `.env`."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from dotenv import dotenv_values

from datasync import envvars
from datasync.config import suspect, urls, values
from datasync.config.headers import parse_headers, usable_value
from datasync.config.mask import Masker
from datasync.config.schema import (
    MIN_MASKED,
    Settings,
    WriteSettings,
)
from datasync.config.secret import Secret
from datasync.errors import ConfigError

_REQUIRED = (envvars.DATABASE_URL, envvars.API_BASE_URL, envvars.API_KEY)


def load(
    environ: Mapping[str, str],
    *,
    env_file: Path | None = None,
    endpoint: str | None = None,
    transforms: tuple[str, ...] = (),
    restart: bool = False,
    retry_for: str | None = None,
    max_wait: str | None = None,
    concurrency: str | None = None,
    shared_limit: bool = False,
    partitions: int | None = None,
    on_conflict: str | None = None,
    direct: bool = True,
    durable: bool = False,
    wait: bool = False,
    max_rejects: str | None = None,
    memory: str | None = None,
) -> Settings:
    """Give the settings of a run.

    A variable of `environ` wins over the same one in `env_file`. An empty value counts as missing.

    Args:
        environ: usually `os.environ`.
        env_file: a file of `NAME=value` lines. None means `.env` in the working directory, if there is one.
        endpoint: see Settings; wins over the variable.
        transforms: see Settings.
        restart: see Settings.
        retry_for: see HttpSettings; wins over the variable.
        max_wait: see LimitSettings; wins over the variable.
        concurrency: see LimitSettings; wins over the variable.
        shared_limit: see LimitSettings; the variable says the same with 1.
        partitions: see Settings; wins over the variable.
        on_conflict: the rule of a ConflictPolicy, and its column behind a colon; wins over the variable.
        direct: see WriteSettings; the variable says no with 0.
        durable: see WriteSettings; the variable says the same with 1.
        wait: see WriteSettings; the variable says the same with 1.
        max_rejects: see Settings; wins over the variable.
        memory: `memory_bytes` of Settings as a number with KiB, MiB or GiB; wins over the variable.

    Raises:
        ConfigError: a variable is missing or malformed (all missing ones are named), misspelled, or refers to one that
            isn't set; or `env_file` is not there.
    """
    value = lookup(environ, env_file)
    needed = _required(value, *_REQUIRED)
    return Settings(
        database_url=Secret(_database_url(needed[envvars.DATABASE_URL]), source=envvars.DATABASE_URL),
        api_base_url=_base_url(needed[envvars.API_BASE_URL]),
        api_key=Secret(_header_value(needed[envvars.API_KEY]), source=envvars.API_KEY),
        endpoint=endpoint or value(envvars.ENDPOINT).strip() or "datasync",
        access_headers=parse_headers(value(envvars.ACCESS_HEADERS), source=envvars.ACCESS_HEADERS),
        transforms=transforms,
        restart=restart,
        http=values.http(retry_for or value(envvars.RETRY_FOR)),
        limits=values.limits(
            max_wait or value(envvars.MAX_WAIT),
            concurrency or value(envvars.CONCURRENCY),
            shared=shared_limit or values.switch(envvars.SHARED_LIMIT, value(envvars.SHARED_LIMIT)),
        ),
        write=WriteSettings(
            on_conflict=values.on_conflict(on_conflict or value(envvars.ON_CONFLICT)),
            direct=direct and values.switch(envvars.DIRECT, value(envvars.DIRECT) or "1"),
            durable=durable or values.switch(envvars.DURABLE, value(envvars.DURABLE)),
            wait=wait or values.switch(envvars.WAIT, value(envvars.WAIT)),
        ),
        partitions=values.partitions(value(envvars.PARTITIONS)) if partitions is None else partitions,
        max_rejects=values.share(max_rejects or value(envvars.MAX_REJECTS)),
        memory_bytes=values.memory(memory or value(envvars.MEMORY)),
    )


def load_database(environ: Mapping[str, str], *, env_file: Path | None = None) -> tuple[Secret, Masker]:
    """Give the database's URL, and what masks it in texts, with the API's secrets as far as they are set.

    Raises:
        ConfigError: the URL is missing or malformed, or `env_file` is not there.
    """
    value = lookup(environ, env_file)
    url = _required(value, envvars.DATABASE_URL)[envvars.DATABASE_URL]
    database = Secret(_database_url(url), source=envvars.DATABASE_URL)
    masker = Masker([database, Secret(value(envvars.API_KEY).strip(), source=envvars.API_KEY)])
    with suppress(ConfigError):  # whoever needs the headers is told
        headers = parse_headers(value(envvars.ACCESS_HEADERS), source=envvars.ACCESS_HEADERS).values()
        masker.add(secret for secret in headers if len(secret.reveal()) >= MIN_MASKED)
    return database, masker


def variables(env_file: Path | None) -> Mapping[str, str]:
    """Give what the file of `NAME=value` lines sets; None is `.env`, if there is one. See `load` for errors."""
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
        ConfigError: see `load`; but for what is missing.
    """
    from_file = variables(env_file)
    file = env_file or Path(".env")
    suspect.refuse_typos(environ, from_file)
    if file.is_file():
        suspect.warn_of_readers(file, from_file)
    suspect.refuse_unresolved(environ, file)
    return lambda name: environ.get(name) or from_file.get(name) or ""


def _required(value: Callable[[str], str], *names: str) -> Mapping[str, str]:
    found = {name: value(name) for name in names}
    missing = [name for name, value in found.items() if not value.strip()]
    if missing:
        raise ConfigError(
            f"not set: {', '.join(missing)}",
            hint="set it in the environment or in a .env file, as `datasync ingest --help` says;"
            " or write a configuration: `datasync init URL`",
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
