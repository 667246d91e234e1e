"""Whether an endpoint and its parent fit together."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from datasync.config import keys
from datasync.config.preset import PRESETS
from datasync.config.spec import ColumnSpec, Config, EndpointSpec
from datasync.config.spec.endpoint import DEFAULT_COLUMNS

Problem: TypeAlias = tuple[keys.Path, str, str]
"""The key's path, what is wrong, and a hint."""

PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
"""Of a parent's value, in `path` and `params`."""


def columns_of(endpoint: EndpointSpec) -> Sequence[ColumnSpec] | None:
    """Give the columns of an endpoint's table; None where only the endpoint that it uses knows."""
    if endpoint.use is None:
        return DEFAULT_COLUMNS if endpoint.table.columns is None else endpoint.table.columns
    return PRESETS[endpoint.use].table.columns if endpoint.use in PRESETS else None


def problems(endpoint: EndpointSpec, at: keys.Path, config: Config) -> Iterator[Problem]:
    """Give what is wrong with the parent of the endpoint at the path `at`, and with what it puts into requests."""
    in_path = PLACEHOLDER.findall(endpoint.path)
    if endpoint.parent is None:
        for name in in_path:
            yield (*at, "path"), f"has a placeholder, and there is no parent: `{{{name}}}`", "add `[endpoint.parent]`"
        return
    by_name = {one.name: one for one in config.endpoints}
    if endpoint.parent.endpoint not in by_name:
        known = ", ".join(name for name in by_name if name != endpoint.name) or "none"
        wrong = f"names no endpoint: `{endpoint.parent.endpoint}`"
        yield (*at, "parent", "endpoint"), wrong, f"known: {known}"
        return
    if circle := _circle(endpoint, by_name):
        yield (*at, "parent", "endpoint"), f"goes in a circle: {' -> '.join(circle)}", "one of them must come first"
    yield from _column(endpoint, at, by_name)
    yield from _into(endpoint, at)


def _circle(endpoint: EndpointSpec, by_name: Mapping[str, EndpointSpec]) -> Sequence[str]:
    line = [endpoint.name]
    while endpoint.parent is not None and endpoint.parent.endpoint in by_name:
        endpoint = by_name[endpoint.parent.endpoint]
        if endpoint.name in line:
            return [*line, endpoint.name]
        line.append(endpoint.name)
    return ()


def _column(endpoint: EndpointSpec, at: keys.Path, by_name: Mapping[str, EndpointSpec]) -> Iterator[Problem]:
    assert endpoint.parent is not None
    column = endpoint.parent.column
    columns = columns_of(by_name[endpoint.parent.endpoint])
    if columns is not None and column not in (names := [one.name for one in columns]):
        wrong = f"names no column of `{endpoint.parent.endpoint}`: `{column}`"
        yield (*at, "parent", "column"), wrong, f"known: {', '.join(names)}"
    in_path = PLACEHOLDER.findall(endpoint.path)
    for name in in_path:
        if name != column:
            wrong = f"has another placeholder than the parent's column: `{{{name}}}`"
            yield (*at, "path"), wrong, f"write `{{{column}}}`, or name that `column` of the parent"
    in_params = [name for text in endpoint.params.values() for name in PLACEHOLDER.findall(str(text))]
    if column not in (*in_path, *in_params):
        hint = f"write `{{{column}}}` where each parent's value goes"
        yield (*at, "path"), f"has no `{{{column}}}`, nor have `params`", hint


def _into(endpoint: EndpointSpec, at: keys.Path) -> Iterator[Problem]:
    assert endpoint.parent is not None
    for index, column in enumerate(columns_of(endpoint) or ()):
        if column.name == endpoint.parent.into and column.type != "text":
            path = (*at, "table", "columns", index, "type")
            yield path, "is not text, and the parent's value goes there", "write `text`"
