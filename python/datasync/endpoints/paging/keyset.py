"""Paging `keyset`: the key of the last record is the parameter of the next request."""

from collections.abc import Mapping, Sequence

import msgspec

from datasync import _native
from datasync.config.spec import KeysetPaging
from datasync.endpoints.base import Peek
from datasync.endpoints.paging.base import END, Context, Lead, plain
from datasync.endpoints.paging.counted import Counted
from datasync.envelope import at
from datasync.errors import ConfigError, ContractChanged, PageRepeated
from datasync.http.transport import Answer
from datasync.model import Chunk, Column


class Keyset(Counted):
    """The cursor is the key, as it is written in the last record of the page, stored or not."""

    def __init__(self, spec: KeysetPaging, context: Context) -> None:
        super().__init__(spec)
        self._param = spec.param
        key = next((column.path for column in context.columns if column.key and column.source == "record"), None)
        field = plain(spec.field) if spec.field is not None else key
        if field is None:
            raise ConfigError(
                "paging by `keyset` needs a field of the record", hint="give it a `field`, or the table a key column"
            )
        self._field = field
        # A uuid comes back in PostgreSQL's spelling.
        self._is_key = field == key and not any(one.key and one.kind == "uuid" for one in context.columns)
        column = Column("field", field, "text", required=True, mismatch="text")
        try:
            self._encoder = _native.PageEncoder(msgspec.json.encode(context.plan((column,))))
        except _native.PlanError as error:
            raise ConfigError(f"`field` of paging by `keyset` is no path: {error}") from error
        # Where a page led, and its records behind the one that says so: the next page begins with them.
        self._tail: tuple[str | None, Sequence[bytes]] = (None, ())

    def lead(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Lead:
        """See Pager."""
        if self._ends(chunk, answer, None):
            return END
        following, tail = self._last(chunk, answer.body)
        if following is None:
            if chunk.has_more is None and (cursor, tail) == self._tail:
                return END  # nothing is new behind the last key
            raise ContractChanged(
                f"no record of the page has `{self._field}`, which leads to the next one",
                hint="if these are the last records of the list, --restart with another `size` reads it to its end; if"
                " they are not, only another kind of `paging` does",
            )
        self._tail = (following, tail)
        if following == cursor and chunk.records == 1:
            return END  # the API means `>=`, and that was the last one
        if following == cursor:
            raise PageRepeated(
                "the page ends with the key that it was asked for with", hint=f"does the API know `{self._param}`?"
            )
        return Lead(following)

    def ahead(self, _answer: Answer, _cursor: str | None, _peek: Peek) -> Lead | None:
        """See Pager."""
        return None

    def _place(self, cursor: str | None) -> Mapping[str, str | int]:
        return {} if cursor is None else {self._param: cursor}

    def _last(self, chunk: Chunk, body: bytes) -> tuple[str | None, Sequence[bytes]]:
        """The key of the last record that has one, and the records behind it."""
        # What became a row on the fast lane is what was sent, if nothing behind it was refused.
        refused_last = bool(chunk.rejects) and chunk.rejects[-1].index == chunk.records - 1
        if self._is_key and chunk.copy is not None and chunk.last_key is not None and not refused_last:
            return chunk.last_key, ()
        records = self._encoder.split(body).records
        for place in reversed(range(len(records))):
            rows = self._encoder.extract([records[place]], now_us=0).rows
            value = rows[0][0] if rows else self._of_refused(records[place])
            if value:
                return str(value), records[place + 1 :]
        return None, records

    def _of_refused(self, raw: bytes) -> str | int | None:
        """The field of a record that PostgreSQL wouldn't take, such as one with a NUL somewhere."""
        try:
            value = at(msgspec.json.decode(raw), self._field)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        return value if isinstance(value, str | int) and not isinstance(value, bool) else None
