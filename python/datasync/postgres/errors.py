"""asyncpg's exceptions as ours. Every call into asyncpg stands inside `mapped`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import asyncpg

from datasync import envvars
from datasync.errors import (
    ConfigError,
    DatasyncError,
    RowsRefused,
    SchemaMismatch,
    SinkConflict,
    SinkError,
    SinkUnavailable,
)

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
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a primary that became one: another may be there
    asyncpg.IdleInTransactionSessionTimeoutError,
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

# Classes and codes of appendix A of PostgreSQL's manual.
_LATER: Final = ("40", "53", "55P03", "55006", "57014")
_NOT_A_ROW: Final = frozenset(
    ["08", "0A", "25", "26", "28", "2D", "34", "3B", "3D", "3F", "40", "42", "53", "55", "57", "58", "72", "F0", "XX"]
)

_POLICED: Final = "ExecWithCheckOptions"
"""The function of the server that holds new rows against policies."""


def refuses_rows(error: asyncpg.PostgresError) -> bool:
    """Whether a rule of the database refused a row: a constraint, a type, a limit, a trigger with any code of its own.

    Another row may pass. Everything else is of the statement, the session or the server.
    """
    return (error.sqlstate or "XX")[:2] not in _NOT_A_ROW or _of_policy(error)


def _of_policy(error: asyncpg.PostgresError) -> bool:
    """Whether a policy for the rows of a table refused one. Its code is that of a missing right, to a whole table."""
    # The text may be of any language; where it is made is not, nor for which cause the server looks at a new row.
    return isinstance(error, asyncpg.InsufficientPrivilegeError) and error.server_source_function == _POLICED


def refusal_code(error: asyncpg.PostgresError) -> str:
    """The code under which a row goes to quarantine that the database refused: `sql_23514`, for example."""
    return f"sql_{(error.sqlstate or 'unknown').lower()}"


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Turn what asyncpg raises while `doing` something into a ConfigError or SinkError."""
    try:
        yield
    except DatasyncError:
        raise
    except asyncpg.exceptions.ClientConfigurationError as error:
        # Its message quotes parts of the URL.
        raise ConfigError("the database's URL has an option that can't be", hint=f"look at {_WHERE}") from error
    except asyncpg.PostgresError as error:
        raise _of_postgres(error, doing) from error
    except asyncpg.TargetServerAttributeNotMatched as error:
        raise SinkUnavailable(f"{doing}: the server takes no writes", hint=_READ_ONLY) from error
    except _GONE as error:
        raise SinkUnavailable(f"{doing}: {_text(error)}", hint=_UNAVAILABLE) from error
    except ValueError as error:
        # asyncpg parses the URL itself; its message may quote parts of it, a password among them.
        raise ConfigError("the database's URL can't be read as a PostgreSQL URL", hint=f"look at {_WHERE}") from error


def _of_postgres(error: asyncpg.PostgresError, doing: str) -> DatasyncError:  # noqa: PLR0911 - a table
    text = f"{doing}: {_text(error)} (SQLSTATE {error.sqlstate})"
    if isinstance(error, _CREDENTIALS):
        return ConfigError(text, hint=f"check user, password and database in {_WHERE}")
    if isinstance(error, asyncpg.InsufficientPrivilegeError) and not _of_policy(error):
        return SinkError(text, hint=_POLICY if error.server_source_function == _SECURED else _RIGHTS)
    if isinstance(error, asyncpg.InvalidSchemaNameError):
        return SinkError(text, hint=_NO_SCHEMA)
    if isinstance(error, _SHAPE):
        return SchemaMismatch(text, hint="move the table of that name away, or use another database")
    if isinstance(error, _GONE):
        return SinkUnavailable(text, hint=_HINTS.get(type(error), _UNAVAILABLE))
    if (error.sqlstate or "").startswith(_LATER):
        return SinkConflict(text, hint="run again when the other session, or the full disk, is out of the way")
    if refuses_rows(error):
        return RowsRefused(text, sqlstate=error.sqlstate or "", hint=_POLICY if _of_policy(error) else None)
    return SinkError(text)


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


_WHERE = f"{envvars.DATABASE_URL}, or in `url` under [sink]"
_UNAVAILABLE = f"is the server running and reachable that is named in {_WHERE}?"
_READ_ONLY = "it is a standby, or default_transaction_read_only is on; name the primary"
_HINTS: Final[Mapping[type[asyncpg.PostgresError], str]] = {
    asyncpg.TooManyConnectionsError: "end other connections, or raise max_connections, or the limit of the role or the"
    " database; a run needs one, and takes two where it can",
    asyncpg.ReadOnlySQLTransactionError: _READ_ONLY,
}
_RIGHTS = (
    "`datasync check` says what to grant: the role needs CREATE on the schema, to make the tables, or rights on those"
    " that are there; only their owner can bring them up to date"
)
_POLICY = (
    "row security of the table refuses it: add a policy by which this role may read and write the rows, or give it"
    " BYPASSRLS"
)
_SECURED: Final = "check_enable_rls"
"""The function of the server that keeps a role from a table whose rows are secured. Its text is in any language."""
_NO_SCHEMA = "CREATE SCHEMA, or name one in the role's search_path that is there and that the role has USAGE on"
