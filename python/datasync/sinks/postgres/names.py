"""Names in SQL."""

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
