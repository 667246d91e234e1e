"""asyncpg's exceptions as ours. Every call into asyncpg stands inside `mapped`."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from datasync import envvars
from datasync.errors import ConfigError, DatasyncError, SchemaMismatch, SinkError, SinkUnavailable

_CREDENTIALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
)
_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # when used between the server's farewell and the closing of the socket
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)
_SHAPE = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.DatatypeMismatchError,
    asyncpg.WrongObjectTypeError,
    asyncpg.InvalidColumnReferenceError,
)


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Turn what asyncpg raises while `doing` something into a ConfigError or SinkError."""
    try:
        yield
    except DatasyncError:
        raise
    except _CREDENTIALS as error:
        raise ConfigError(
            f"{doing}: {_text(error)}", hint=f"check user, password and database in {envvars.DATABASE_URL}"
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise SinkError(
            f"{doing}: {_text(error)}",
            hint="the role needs CREATE on the schema, to make the tables",
        ) from error
    except _SHAPE as error:
        raise SchemaMismatch(
            f"{doing}: {_text(error)} (SQLSTATE {error.sqlstate})",
            hint="move the table of that name away, or use another database",
        ) from error
    except asyncpg.PostgresError as error:
        if isinstance(error, _GONE):
            raise SinkUnavailable(f"{doing}: {_text(error)} (SQLSTATE {error.sqlstate})", hint=_UNAVAILABLE) from error
        raise SinkError(f"{doing}: {_text(error)} (SQLSTATE {error.sqlstate})") from error
    except _GONE as error:
        raise SinkUnavailable(f"{doing}: {_text(error)}", hint=_UNAVAILABLE) from error
    except ValueError as error:
        # asyncpg parses the URL itself; its message may quote parts of it, a password among them.
        raise ConfigError(f"{envvars.DATABASE_URL} can't be read as a PostgreSQL URL") from error


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


_UNAVAILABLE = f"is the server that {envvars.DATABASE_URL} names running and reachable?"
