"""`[[endpoint]]`: one feed of records, how it is read, and the table it goes to."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from datasync.config.invalid import InvalidSpec
from datasync.config.spec import valid
from datasync.config.spec.paging import LeftOut, Paging, sent
from datasync.model import Kind
from datasync.timestamps import TimestampPolicy

_KEYS: Final = ("text", "bigint", "integer", "uuid")

_ENDPOINT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}", re.ASCII)


class ColumnSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A column; see `datasync.model.Column` for what the words mean.

    Attributes:
        path: None is the column's name; "" is the whole record.
        type: PostgreSQL's.
        unit: of bare numbers in a `timestamptz`: `auto` tells seconds, ms, us and ns by size.
        timestamp: how a `timestamptz` is read, where more than its `unit` is to be said.
    """

    name: str
    path: str | None = None
    type: Kind = "text"
    key: bool = False
    required: bool = False
    source: Literal["record", "rest", "constant", "ingest_time"] = "record"
    mismatch: Literal["quarantine", "null", "text"] = "quarantine"
    value: Any = None
    unit: Literal["auto", "s", "ms", "us", "ns"] = "auto"
    timestamp: TimestampPolicy | None = None

    def __post_init__(self) -> None:
        valid.named("name", self.name)
        if self.key and (self.type not in _KEYS or self.source != "record"):
            raise InvalidSpec("key", f"is no part of a `{self.type}` from `{self.source}`", hint=_KEY_HINT)
        if (self.source == "constant") != (self.value is not None):
            raise InvalidSpec(
                "value", "belongs to the source `constant`", hint='`source = "constant"` and `value` go together'
            )
        if self.source != "record" and self.path is not None:
            raise InvalidSpec("path", f"means nothing with the source `{self.source}`", hint="leave it out")
        if self.source == "rest" and self.type not in ("json", "jsonb"):
            raise InvalidSpec(
                "type", f"can't be `{self.type}` for the rest of a record", hint="it is `jsonb` or `json`"
            )
        if self.source == "ingest_time" and self.type != "timestamptz":
            raise InvalidSpec("type", f"can't be `{self.type}` for a moment", hint="it is `timestamptz`")
        if self.mismatch == "text" and self.type not in ("text", "text[]"):
            raise InvalidSpec("mismatch", f"can't be `text` for a `{self.type}`", hint="it is `quarantine` or `null`")
        self._check_moments()

    def _check_moments(self) -> None:
        for key, told in (("unit", self.unit != "auto"), ("timestamp", self.timestamp is not None)):
            if told and self.type != "timestamptz":
                raise InvalidSpec(key, f"means nothing for a `{self.type}`", hint="only a `timestamptz` has one")
        if self.timestamp is not None:
            if self.unit != "auto":
                raise InvalidSpec("unit", "is there beside `timestamp`", hint="write it into `timestamp`")
            valid.policy("timestamp", self.timestamp)


_KEY_HINT: Final = f"a key is a column of type {', '.join(_KEYS)}, from the record"

DEFAULT_COLUMNS: Final = (
    ColumnSpec(name="id", key=True, required=True),
    ColumnSpec(name="data", path="", type="jsonb", required=True),
)
"""Of a table that names none."""


class Child(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list inside of each record that goes to a table of its own.

    The table has `parent_key` (the record's key) and `position` (from 0) besides its columns; both are its key.
    When a record is stored again, its old elements are replaced.
    """

    table: str
    path: str
    columns: tuple[ColumnSpec, ...] = ()

    def __post_init__(self) -> None:
        valid.table("table", self.table)
        valid.given("path", self.path)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[endpoint.table]`.

    Attributes:
        name: of the table, `schema.name` or alone; None is the endpoint's name.
        mode: `merge` by key as `on_conflict` says, `append` without a look at what is there, or `replace`: the new
            rows take the place of all old ones, once they are complete.
        on_conflict: as `--on-conflict`.
        columns: None: `id` (the key) and `data`.
        contract: what a field means that no column takes: `evolve` (it stays in the jsonb), `freeze` (the run ends) or
            `quarantine` (the record).
        children: lists that go to tables of their own.
    """

    name: str | None = None
    mode: Literal["merge", "append", "replace"] = "merge"
    on_conflict: str = "nothing"
    columns: tuple[ColumnSpec, ...] | None = None
    contract: Literal["evolve", "freeze", "quarantine"] = "evolve"
    children: tuple[Child, ...] = ()

    def __post_init__(self) -> None:
        if self.name is not None:
            valid.table("name", self.name)
        if self.columns is not None and not self.columns:
            raise InvalidSpec("columns", "is empty", hint="leave it out for `id` and `data`")


class Incremental(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A finished endpoint is read on when it is run again.

    Attributes:
        column: a `timestamptz` column; the next run asks from its greatest value on.
        param: parameter to send that as; None sends none, and `until_known` ends the run.
        format: of the parameter.
        start: for the first run, ISO 8601; None sends no parameter then.
        lookback: duration subtracted, for records that arrive late.
        until_known: newest-first feeds: stop after so many pages in a row without a new or changed row.
    """

    column: str
    param: str | None = None
    format: Literal["iso", "s", "ms", "date"] = "iso"
    start: str | None = None
    lookback: float | str = 0.0
    until_known: int | None = None

    def __post_init__(self) -> None:
        valid.given("column", self.column)
        valid.given("param", self.param)
        valid.moment("start", self.start)
        valid.duration("lookback", self.lookback)
        valid.within("until_known", self.until_known, 1)
        if self.param is None and self.until_known is None:
            raise InvalidSpec(
                "param",
                "is missing, and `until_known`, too",
                hint="name the parameter that asks for what is newer, or say when a newest-first feed is known",
            )


class Parent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Read once for each row of another endpoint's table: `{column}` in `path` and `params` is replaced.

    Attributes:
        endpoint: name of the other one; it is read to its end first.
        column: of its table.
        into: a text column of this endpoint's table that is filled with the parent's value; None: none is.
        gone: what it means that the API answers 404 or 410 for a parent: the run's failure, or that it has no children.
    """

    endpoint: str
    column: str = "id"
    into: str | None = None
    gone: Literal["fail", "skip"] = "fail"

    def __post_init__(self) -> None:
        valid.named("column", self.column)
        if self.into is not None:
            valid.named("into", self.into)


class EndpointSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[endpoint]]`.

    Attributes:
        name: of the stream; the checkpoint is kept under it.
        use: a registered endpoint (a preset or a plugin's) instead of `path` and what follows.
        path: from the API's base URL.
        method, params, body, headers: of the requests. With POST `body` is sent as JSON.
        records: path to the array of records, or a JSONPath (RFC 9535) that begins with `$`; "" is the whole body.
        format: of the body.
        paging: how pages follow each other.
        parent, incremental, table: see there.
        transforms: in order.
        budget: name of a `[budget.NAME]`; None is the API's.
        partitions: see `--partitions`.
    """

    name: str
    use: str | None = None
    path: str = ""
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, str | int | float | bool] = {}
    body: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    records: str = ""
    format: Literal["json", "ndjson", "csv"] = "json"
    paging: Paging = LeftOut()
    incremental: Incremental | None = None
    parent: Parent | None = None
    table: Table = Table()
    transforms: tuple[str, ...] = ()
    budget: str | None = None
    partitions: int | None = None

    def __post_init__(self) -> None:
        if not _ENDPOINT_NAME.fullmatch(self.name):
            raise InvalidSpec(
                "name",
                "is no name for an endpoint",
                hint=f"a letter, then letters, digits, `_`, `-` and `.`, at most {valid.MAX_NAME} in all",
            )
        if self.use is None and self.path and not self.path.startswith("/"):
            raise InvalidSpec("path", "does not begin with a slash", hint="it follows the `base_url`, like `/orders`")
        if "?" in self.path or "#" in self.path:
            raise InvalidSpec("path", "is not a path alone", hint="what stands behind a ? belongs into `params`")
        valid.given("use", self.use)
        valid.headers("headers", self.headers)
        valid.within("partitions", self.partitions, 1, 100)
        since = self.incremental.param if self.incremental else None
        if since is not None and since in sent(self.paging):
            hint = "one asks for what is newer, the other for the next page: look at the API's documentation"
            raise InvalidSpec("incremental.param", f"is a parameter of `paging`, too: `{since}`", hint=hint)
