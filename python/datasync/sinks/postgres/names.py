"""Names in SQL."""

import hashlib

import msgspec

from datasync.errors import ConfigError

MAX_BYTES = 63
"""Of a name (NAMEDATALEN). PostgreSQL cuts longer ones and goes on, so two names could become one table."""


def quoted(name: str) -> str:
    """`name` as an identifier, whatever is in it.

    Raises:
        ConfigError: PostgreSQL can't have such a name.
    """
    size = len(name.encode("utf-8", "surrogatepass"))
    if not 0 < size <= MAX_BYTES or "\0" in name or not name.isprintable():
        raise ConfigError(
            f"`{name[:MAX_BYTES]}` can't be a name in PostgreSQL",
            hint=f"use 1 to {MAX_BYTES} bytes of UTF-8, printable ones",
        )
    return '"' + name.replace('"', '""') + '"'


class TableName(msgspec.Struct, frozen=True):
    """The name of a table. Without a schema the session's search path tells which one is meant."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """As an identifier; see `quoted`."""
        return quoted(self.name) if self.schema is None else f"{quoted(self.schema)}.{quoted(self.name)}"

    def derived(self, *, before: str = "", after: str = "", room: int = 0, digest: bool = False) -> "TableName":
        """A table of ours that belongs to this one, in the same schema.

        A name that would be too long is cut, and told from others that begin alike by a digest.

        Args:
            before: of the name.
            after: of the name.
            room: bytes to leave for what comes behind it.
            digest: put one in, short or not.
        """
        raw = self.name.encode()
        left = MAX_BYTES - room - len(before) - len(after)
        if len(raw) <= left and not digest:
            return TableName(f"{before}{self.name}{after}", self.schema)
        mark = "_" + hashlib.sha256(raw).hexdigest()[:8]
        cut = raw[: left - len(mark)].decode(errors="ignore")
        return TableName(f"{before}{cut}{mark}{after}", self.schema)


def table_name(text: str) -> TableName:
    """Read `name` or `schema.name`.

    Raises:
        ConfigError: PostgreSQL can't have such a name.
    """
    schema, dot, name = text.rpartition(".")
    if "." in schema:
        raise ConfigError(f"`{text}` is not a table's name", hint="give `name` or `schema.name`, without further dots")
    found = TableName(name, schema if dot else None)
    _ = found.sql
    return found
