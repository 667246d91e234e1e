"""Reads the settings from the environment and from `.env`."""

import math
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from dotenv import dotenv_values

from datasync import envvars
from datasync.config import suspect
from datasync.config.headers import parse_headers, usable_value
from datasync.config.schema import MAX_PARTITIONS, HttpSettings, LimitSettings, Settings
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

    Raises:
        ConfigError: a variable is missing or malformed (all missing ones are named), misspelled, or refers to one that
            isn't set; or `env_file` is not there.
    """
    if env_file is not None and not env_file.is_file():
        raise ConfigError(f"the file `{env_file}` is not there", hint="--env-file takes a file of NAME=value lines")
    try:
        from_file = dotenv_values(env_file or ".env")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"`{env_file or '.env'}` can't be read: {error}", hint="it is a text file in UTF-8"
        ) from error

    file = env_file or Path(".env")
    suspect.refuse_typos(environ, from_file)
    if file.is_file():
        suspect.warn_of_readers(file, from_file)
    suspect.refuse_unresolved(environ, file)

    def value(name: str) -> str:
        return environ.get(name) or from_file.get(name) or ""

    values = {name: value(name) for name in _REQUIRED}
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
        endpoint=endpoint or value(envvars.ENDPOINT).strip() or "datasync",
        access_headers=parse_headers(value(envvars.ACCESS_HEADERS), source=envvars.ACCESS_HEADERS),
        transforms=transforms,
        restart=restart,
        http=_http(retry_for or value(envvars.RETRY_FOR)),
        limits=_limits(
            max_wait or value(envvars.MAX_WAIT),
            concurrency or value(envvars.CONCURRENCY),
            shared=shared_limit or _switch(envvars.SHARED_LIMIT, value(envvars.SHARED_LIMIT)),
        ),
        partitions=_partitions(value(envvars.PARTITIONS)) if partitions is None else partitions,
    )


def _switch(name: str, value: str) -> bool:
    if value.strip() not in ("", "0", "1"):
        raise ConfigError(f"{name} is neither 1 nor 0: `{value}`", hint="leave it out for no")
    return value.strip() == "1"


def _limits(max_wait: str, concurrency: str, *, shared: bool) -> LimitSettings:
    limits = LimitSettings(shared=shared)
    if max_wait.strip():
        seconds = _seconds(max_wait)
        if math.isnan(seconds):
            raise ConfigError(
                f"{envvars.MAX_WAIT} or --max-wait is no number of seconds: `{max_wait}`",
                hint="900 waits up to 15 minutes for the rate limit, inf as long as it takes",
            )
        limits = msgspec.structs.replace(limits, max_wait=seconds)
    try:
        return msgspec.convert(
            msgspec.structs.asdict(limits) | ({"concurrency": concurrency.strip()} if concurrency.strip() else {}),
            LimitSettings,
        )
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{envvars.CONCURRENCY} is neither adaptive nor seed: `{concurrency}`", hint="leave it out for adaptive"
        ) from error


def _seconds(text: str) -> float:
    """A number of seconds, zero or more; NaN if it is none."""
    try:
        seconds = float(text)
    except ValueError:
        return math.nan
    return seconds if seconds >= 0 else math.nan


def _http(retry_for: str) -> HttpSettings:
    if not retry_for.strip():
        return HttpSettings()
    seconds = _seconds(retry_for)
    if not math.isfinite(seconds):
        raise ConfigError(
            f"{envvars.RETRY_FOR} or --retry-for is no number of seconds: `{retry_for}`",
            hint="900 asks a failing API again for 15 minutes; 0 ends the run at the first failure",
        )
    return HttpSettings(retry_for=seconds)


def _database_url(value: str) -> str:
    value = value.strip()
    if not value.startswith(("postgresql://", "postgres://")) or not _names_host_and_database(value):
        # The value is not shown: it may hold a password.
        raise ConfigError(
            f"{envvars.DATABASE_URL} is not a PostgreSQL URL",
            hint="it looks like postgresql://user:password@host:5432/database",
        )
    return value


def _names_host_and_database(url: str) -> bool:
    # Without them a driver takes whatever server and database it finds on this machine.
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
    except ValueError:
        return False
    host = parts.netloc.rpartition("@")[2] or "host" in query
    return bool(host and (parts.path.strip("/") or "dbname" in query or "database" in query))


def _base_url(value: str) -> str:
    value = value.strip()
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(httpx.URL(value).host) and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable or not value.isprintable():
        raise ConfigError(f"{envvars.API_BASE_URL} is not an http(s) URL", hint="it looks like https://host/api/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"{envvars.API_BASE_URL} has more than a scheme, a host and a path",
            hint=f"credentials go into {envvars.API_KEY}; leave out `?...` and `#...`",
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


def _partitions(value: str) -> int | None:
    value = value.strip()
    if not value:
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= MAX_PARTITIONS:
        raise ConfigError(
            f"{envvars.PARTITIONS} is not a whole number from 1 to {MAX_PARTITIONS}",
            hint="leave it out, and there are as many as slots",
        )
    return int(value)
