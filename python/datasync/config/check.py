"""What must fit together in a configuration, beyond what each struct checks of itself."""

from collections.abc import Iterator, Sequence
from typing import Final

from datasync import jsonpaths
from datasync.config import keys, lineage, paths, targets, values
from datasync.config.invalid import InvalidSpec
from datasync.config.lineage import Problem, columns_of
from datasync.config.preset import PRESETS
from datasync.config.spec import (
    Child,
    ColumnSpec,
    Config,
    CursorPaging,
    EndpointSpec,
    HeaderKey,
    KeysetPaging,
    NextUrlPaging,
    NoPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    Table,
    WindowPaging,
)
from datasync.errors import ConfigError

_OWN: Final = ("ingested_at",)
"""Columns that the sink adds to each table."""

_CHILD_KEY: Final = ("parent_key", "position")

_OUTER: Final = "take plain names to the outer list, and `[[endpoint.table.children]]` for the lists in it"


def refuse(config: Config) -> None:
    """Raise InvalidSpec for the first thing that doesn't fit together."""
    for path, wrong, hint in _problems(config):
        names = {"endpoint": [{"name": endpoint.name} for endpoint in config.endpoints]}
        raise InvalidSpec(keys.text(path, names), wrong, hint=hint)


def _problems(config: Config) -> Iterator[Problem]:
    try:
        values.memory(config.memory)
    except ConfigError as error:
        yield ("memory",), f"is no amount of memory from 16MiB on: `{config.memory}`", error.hint or ""
    if config.api.budget not in {*config.budget, "default"}:
        yield _no_budget(("api", "budget"), config.api.budget, config)
    for index, endpoint in enumerate(config.endpoints):
        at: keys.Path = ("endpoint", index)
        if any(before.name == endpoint.name for before in config.endpoints[:index]):
            yield (*at, "name"), "is the name of another endpoint, too", "a checkpoint is kept under each name"
        if endpoint.budget not in {*config.budget, "default", None}:
            yield _no_budget((*at, "budget"), endpoint.budget or "", config)
        if endpoint.use in PRESETS and not isinstance(config.api.auth, HeaderKey):
            hint = 'write `auth = { kind = "header", key = "${API_KEY}" }`'
            yield ("api", "auth"), f"gives no key in a header, and `{endpoint.name}` wants one", hint
        yield from _use(endpoint, at) if endpoint.use is not None else _requests(endpoint, at)
        yield from _table(endpoint, at)
        yield from paths.problems(endpoint, at)
        yield from _incremental(endpoint, at)
        yield from lineage.problems(endpoint, at, config)
    yield from _tables(config)
    yield from targets.problems(config)


def _no_budget(path: keys.Path, name: str, config: Config) -> Problem:
    known = ", ".join(sorted(config.budget)) or "only `default`, which needs no table"
    return path, f"names no budget: `{name}`", f"write a table `[budget.{name}]`; known: {known}"


def _use(endpoint: EndpointSpec, at: keys.Path) -> Iterator[Problem]:
    given = [
        *(key for key in ("path", "params", "body", "headers", "records", "parent") if getattr(endpoint, key)),
        *(["method"] if endpoint.method != "GET" else []),
        *(["format"] if endpoint.format != "json" else []),
        *(["paging"] if not isinstance(endpoint.paging, NoPaging) else []),
    ]
    for key in given:
        yield (*at, key), "is decided by the endpoint that this one uses", f"leave out `{key}`, or `use`"
    for key in ("columns", "children"):
        if getattr(endpoint.table, key):
            yield (*at, "table", key), "is decided by the endpoint that this one uses", f"leave out `{key}`, or `use`"
    if endpoint.incremental is not None and endpoint.incremental.param is not None:
        hint = "leave it out; `until_known` works for newest-first feeds"
        yield (*at, "incremental", "param"), "is decided by the endpoint that this one uses", hint


def _requests(endpoint: EndpointSpec, at: keys.Path) -> Iterator[Problem]:
    if endpoint.method == "GET" and endpoint.body:
        yield (*at, "body"), "goes with POST only", 'write `method = "POST"`, or use `params`'
    paging = endpoint.paging
    pagings = [((*at, "paging"), paging)]
    if isinstance(paging, WindowPaging):
        pagings.append(((*at, "paging", "inner"), paging.inner))
    for path, one in pagings:
        if endpoint.method == "GET" and one.where == "body":
            yield (*path, "where"), "can't be `body` with GET", 'write `method = "POST"`, or leave it out'
        if endpoint.format == "json":
            continue
        in_body = {
            "next": isinstance(one, CursorPaging | NextUrlPaging),
            "has_more": one.has_more is not None,
            "total": one.total is not None and not one.total.startswith("header:"),
            "pages": isinstance(one, PageNumberPaging) and one.pages is not None,
        }
        for key in (key for key, there in in_body.items() if there):
            hint = f"{endpoint.format} has nothing but records: take a header, or a kind that counts"
            yield (*path, key), f"is a path into a JSON body, and the format is {endpoint.format}", hint
        if isinstance(one, KeysetPaging) and endpoint.format == "csv":
            yield (*path, "kind"), "can't be `keyset` with CSV", "take another kind, or NDJSON"
    yield from _records(endpoint, [one for _, one in pagings], (*at, "records"))


def _records(endpoint: EndpointSpec, pagings: Sequence[Paging], at: keys.Path) -> Iterator[Problem]:
    if endpoint.format != "json":
        if endpoint.records:
            yield at, f"means nothing with the format {endpoint.format}", "leave it out: each line is a record"
        return
    if not jsonpaths.plain(endpoint.records).startswith("$"):
        return
    try:
        nested = jsonpaths.shape(endpoint.records).nested
    except ValueError as error:
        yield at, f"is no JSONPath: {error}", "RFC 9535 says how they are written: `$.data[*]`"
        return
    for paging in pagings:
        if isinstance(paging, KeysetPaging):
            wrong = "is a JSONPath that chooses, and paging by `keyset` needs the last record of all"
            yield at, wrong, "take plain names"
        elif nested and isinstance(paging, OffsetPaging):
            yield at, "goes through lists in a list, and paging by `offset` has to count those of one", _OUTER
        elif nested and isinstance(paging, PageNumberPaging) and not (paging.pages or paging.has_more):
            wrong = "goes through lists in a list, and paging by `page` has to count those of one"
            yield at, wrong, f"give `pages` or `has_more`; or {_OUTER}"


def _table(endpoint: EndpointSpec, at: keys.Path) -> Iterator[Problem]:
    table, at = endpoint.table, (*at, "table")
    columns = columns_of(endpoint)
    if columns is not None and endpoint.use is None:
        yield from _columns(columns, (*at, "columns"), reserved=_OWN)
        marked = sum(column.key for column in columns)
        if marked > 1 or (marked == 0 and table.mode == "merge"):
            hint = 'mark one: `"id text key"`; or write `mode = "append"`'
            yield (*at, "columns"), f"has {marked or 'no'} key columns, and the mode is {table.mode}", hint
        if table.children and not marked:
            yield (*at, "children"), "hang on the key of their records, and there is none", "mark a key column"
    yield from _on_conflict(table, columns, (*at, "on_conflict"))
    for index, child in enumerate(table.children):
        yield from _child(child, (*at, "children", index, "columns"))


def _child(child: Child, at: keys.Path) -> Iterator[Problem]:
    yield from _columns(child.columns, at, reserved=(*_OWN, *_CHILD_KEY))
    for index, column in enumerate(child.columns):
        if column.key:
            yield (*at, index, "key"), "is not for columns of a child", f"its key is {' and '.join(_CHILD_KEY)}"


def _columns(columns: Sequence[ColumnSpec], at: keys.Path, *, reserved: Sequence[str]) -> Iterator[Problem]:
    for index, column in enumerate(columns):
        if column.name in reserved:
            yield (*at, index, "name"), f"is a column that each such table has: `{column.name}`", "take another name"
        if any(before.name == column.name for before in columns[:index]):
            yield (*at, index, "name"), f"is the name of another column, too: `{column.name}`", "take another name"


def _on_conflict(table: Table, columns: Sequence[ColumnSpec] | None, at: keys.Path) -> Iterator[Problem]:
    try:
        policy = values.on_conflict(table.on_conflict)
    except ConfigError as error:
        yield at, f"is no rule: `{table.on_conflict}`", error.hint or ""
        return
    if policy.newer_by is not None and columns is not None:
        names = [column.name for column in columns if not column.key]
        if policy.newer_by not in names:
            hint = f"known: {', '.join(names)}" if names else 'add one, such as `"updated_at timestamptz"`'
            yield at, f"names no column beside the key: `{policy.newer_by}`", hint


def _incremental(endpoint: EndpointSpec, at: keys.Path) -> Iterator[Problem]:
    columns = columns_of(endpoint)
    if endpoint.incremental is not None and endpoint.incremental.until_known is not None and endpoint.parent:
        yield (
            (*at, "incremental", "until_known"),
            "goes with no parent: what is known of one row's list says nothing of the others",
            "leave it out, or use `param`",
        )
    if endpoint.incremental is None or columns is None:
        return
    path = (*at, "incremental", "column")
    known = [column.name for column in columns if column.type == "timestamptz"]
    if endpoint.incremental.column not in known:
        hint = f"known: {', '.join(known)}" if known else 'add one: `"updated_at timestamptz"`'
        yield path, f"names no timestamptz column: `{endpoint.incremental.column}`", hint


def _tables(config: Config) -> Iterator[Problem]:
    written = [name for endpoint in config.endpoints for name in _written_by(endpoint)]
    for index, endpoint in enumerate(config.endpoints):
        if endpoint.table.mode != "replace" and not endpoint.table.children:
            continue
        for name in _written_by(endpoint):
            others = [other for other in written if _may_be(other, name)]
            if len(others) > 1:
                hint = "its rows would be replaced by each other's: give each a table of its own"
                if len(set(others)) > 1:
                    hint += f"; {' and '.join(f'`{one}`' for one in sorted(set(others)))} may be one table"
                yield ("endpoint", index, "table", "name"), f"is written by others, too: `{name}`", hint


def _may_be(one: str, other: str) -> bool:
    """Whether both may name the same table: without a schema the database decides in which one it is."""
    schemas, names = zip(*(name.rpartition(".")[::2] for name in (one, other)), strict=True)
    return names[0] == names[1] and (schemas[0] == schemas[1] or "" in schemas)


def _written_by(endpoint: EndpointSpec) -> list[str]:
    return [targets.table_of(endpoint), *(child.table for child in endpoint.table.children)]
