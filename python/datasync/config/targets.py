"""Tables that rows can't go to, whatever the database holds."""

from collections.abc import Iterator
from typing import Final

from datasync.config.lineage import Problem, columns_of
from datasync.config.preset import PRESETS
from datasync.config.spec import Config, DuckDbTo, EndpointSpec, PostgresTo

OURS: Final = frozenset(["cursor_state", "quarantined_events", "stream_partitions", "datasync_schema"])
"""Tables of a database that hold something else."""


_SYSTEM: Final = frozenset(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"])


def problems(config: Config) -> Iterator[Problem]:
    """Give endpoints whose rows would go to a table of ours, or to one whose columns another endpoint has otherwise."""
    if not isinstance(config.sink, PostgresTo | DuckDbTo):
        return
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for index, endpoint in enumerate(config.endpoints):
        at = ("endpoint", index, "table")
        table = table_of(endpoint)
        if table.rpartition(".")[2] in OURS:
            yield (*at, "name"), f"is a table of datasync's own: `{table}`", "name another one for the rows"
        for place, column in enumerate(columns_of(endpoint) or ()):
            if column.name in _SYSTEM and isinstance(config.sink, PostgresTo):
                hint = f'PostgreSQL has it in each table: take another name, and `path = "{column.name}"`'
                yield (*at, "columns", place, "name"), f"can't be the name of a column: `{column.name}`", hint
            first, type_ = seen.setdefault((table, column.name), (endpoint.name, column.type))
            if type_ != column.type:
                wrong = f"is {column.type}, and `{first}` has it in the same table as {type_}: `{column.name}`"
                yield (*at, "columns", place, "type"), wrong, "give it one type, or each endpoint a table of its own"


def table_of(endpoint: EndpointSpec) -> str:
    """Give the name of an endpoint's table: as it says, as the built-in says that it uses, or the endpoint's name."""
    preset = PRESETS.get(endpoint.use or "")
    return endpoint.table.name or (preset.table.name if preset else None) or endpoint.name
