"""The built-in endpoint `rest`: an API as the configuration describes it."""

import time
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, ClassVar, Final

import msgspec

from datasync import hookspecs, jsonpaths
from datasync.config import Settings
from datasync.config.columns import columns
from datasync.endpoints import auth as credentials
from datasync.endpoints.base import Peek, Reseek
from datasync.endpoints.paging import Context, build
from datasync.endpoints.paging.first import FirstPage
from datasync.endpoints.paging.moments import written
from datasync.endpoints.paging.repeats import Repeats
from datasync.endpoints.paging.told import Told
from datasync.endpoints.paging.window import Spans
from datasync.errors import ConfigError, ContractChanged, CursorExpired, NotAPage
from datasync.http.access import MAX_BYTES
from datasync.http.retry import blank, check_status, sample, server_time
from datasync.http.transport import Answer
from datasync.model import Chunk, EncoderPlan, Position, Request
from datasync.plugins import Register

MAX_DEPTH: Final = 4
"""Levels of an error's body at which its code is looked for."""

_LAST_PAGE = (
    "if that is how the API says that there are no more pages, let it be told before: by `total`, `has_more` or `pages`"
)
_HINTS: Final = {
    204: _LAST_PAGE,
    400: "look at `params` and `paging`; " + _LAST_PAGE,
    404: "look at `base_url` and `path`; " + _LAST_PAGE,
    405: "does the API want another `method`?",
}


class RestEndpoint:
    """See Endpoint, Resizable and Incremental for the methods.

    An expired cursor means that the feed is read again, since nothing is known of the order of its records; unless
    `renew` of its paging says how one is written anew.

    What is a cached property here may be an attribute of a subclass, or set in its constructor.

    Attributes:
        hints: what to do about a status that is no page.
    """

    hints: ClassVar[Mapping[int, str]] = _HINTS

    def __init__(
        self,
        settings: Settings,
        *,
        auths: Mapping[str, Callable[..., Any]] = {},
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the settings with `api` and `spec`.

        Args:
            settings: of the run.
            auths: credentials offered by plugins, by name.
            now: epoch seconds by the wall clock; windows of time end at the moment this is called.

        Raises:
            ConfigError: the description makes no sense, or is missing.
            PluginError: see `datasync.endpoints.auth.build`.
        """
        api, spec = settings.api, settings.spec
        if api is None or spec is None:
            raise ConfigError(
                "the endpoint `rest` is described in a datasync.toml, and there is none",
                hint="--endpoint names one that needs no description",
            )
        self._spec = spec
        # Names differ by more than case: of two that don't, the endpoint's counts.
        self._headers = {name.lower(): value for name, value in [*api.headers.items(), *spec.headers.items()]}
        given = credentials.build(api.auth, settings, auths)
        self.auth = given.auth
        self._key_source = given.source
        self._context = Context(
            url=settings.api_base_url + self.path,
            columns=columns(spec.table.columns, clock=spec.incremental.column if spec.incremental else None),
            records=jsonpaths.plain(spec.records),
            format=spec.format,
            now=now,
            secret_param=given.param,
        )
        self._pager = build(spec.paging, self._context)
        self._first = FirstPage(spec)
        self._told = Told(spec.paging)
        self._repeats = Repeats(
            same_each_time=all(one.source != "ingest_time" for one in self._context.columns),
            keyed=any(one.key for one in self._context.columns),
        )
        self._blank_at: set[str | None] = set()
        self._since: Mapping[str, str | int] = {}

    @cached_property
    def name(self) -> str:
        """See Endpoint."""
        return self._spec.name

    @cached_property
    def path(self) -> str:
        """Of the requests."""
        return self._spec.path

    @cached_property
    def plan(self) -> EncoderPlan:
        """See Endpoint."""
        pager, plan = self._pager, self._context.plan(self._context.columns)
        return msgspec.structs.replace(plan, next_cursor=pager.next_cursor, has_more=pager.has_more, total=pager.total)

    @cached_property
    def cursor_ttl(self) -> float | None:
        """See Endpoint."""
        return self._pager.ttl

    @cached_property
    def page_limit(self) -> int | None:
        """See Resizable."""
        return self._pager.size if self._pager.resizable else None

    @cached_property
    def reseek(self) -> Reseek:
        """See Endpoint."""
        return self._pager.reseek

    def begin(self, since_us: int | None) -> None:
        """See Incremental."""
        self._first.begin(since_us)
        wanted = self._spec.incremental
        if since_us is None or wanted is None:
            return
        if wanted.param is not None:
            self._since = {wanted.param: written(since_us, wanted.format)}
        if isinstance(self._pager, Spans):
            self._pager.begin(since_us)

    def request(self, cursor: str | None) -> Request:
        """See Endpoint."""
        asked = self._pager.ask(cursor)
        in_body = self._spec.paging.where == "body"
        body = {**self._spec.body, **(self._since if in_body else {}), **asked.body}
        params: dict[str, str | int] = {}
        if asked.url is None:
            params = {name: _text(value) for name, value in self._spec.params.items()}
            params |= {} if in_body else self._since
            params |= asked.params
        return Request(
            self.path,
            params,
            method=self._spec.method,
            content=msgspec.json.encode(body) if body else None,
            headers=self._headers,
            url=asked.url,
        )

    def resized(self, request: Request, limit: int) -> Request:
        """See Resizable."""
        self._pager.resized = True
        name = self._pager.size_param
        if name in request.params:
            return msgspec.structs.replace(request, params={**request.params, name: limit})
        body: dict[str, Any] = msgspec.json.decode(request.content or b"{}")
        return msgspec.structs.replace(request, content=msgspec.json.encode({**body, name: limit}))

    def check(self, answer: Answer) -> None:
        """See Endpoint."""
        if answer.status == 200 and self._is_blank(answer):
            return  # `turn` knows where, and believes it when it comes again
        if answer.status == 200:
            check_status(answer, where=self._where, key_source=self._key_source)
            return
        expired = self._pager.expired
        if expired and (str(answer.status) in expired or _says(answer.body, expired)):
            raise CursorExpired(f"{self._where}: {answer.status}, the cursor expired", server_time=server_time(answer))
        if (hint := self.hints.get(answer.status)) is not None:
            raise ContractChanged(f"{self._where}: {answer.status}: {sample(answer.body)}", hint=hint)
        check_status(answer, where=self._where, key_source=self._key_source)

    def turn(self, chunk: Chunk, answer: Answer, cursor: str | None) -> Chunk:
        """See Endpoint.

        Raises:
            NotAPage: no line came where there could be some, for the first time at this cursor.
        """
        if self._is_blank(answer):
            self._doubt(cursor)
        if self._pager.position(chunk) is None:  # where pages have positions, the run compares those, chain by chain
            self._repeats.check(chunk, cursor, answer.body)
        lead = self._pager.lead(chunk, answer, cursor)
        total = self._pager.records_in_all(chunk, answer)
        self._told.hear(chunk, answer)
        if lead.span_end or lead.has_more is False:
            if cursor is None:
                self._first.look(chunk, answer, total)
            self._told.end()
        if lead.span_end:
            self._repeats.clear()  # two spans may both hold what lies between them, and nothing else
        return msgspec.structs.replace(
            chunk,
            next_cursor=lead.cursor,
            has_more=lead.has_more,
            total=total,
            span_end=lead.span_end,
        )

    def following(self, answer: Answer, cursor: str | None, peek: Peek) -> str | None:
        """See Endpoint."""
        lead = self._pager.ahead(answer, cursor, peek)
        return None if lead is None or lead.has_more is False else lead.cursor

    def position(self, chunk: Chunk) -> Position | None:
        """See Endpoint."""
        return self._pager.position(chunk)

    def _is_blank(self, answer: Answer) -> bool:
        """Whether an answer has no lines: an empty list of them looks so, and so does a server that failed."""
        return self._spec.format == "ndjson" and blank(answer.body)

    def _doubt(self, cursor: str | None) -> None:
        if cursor not in self._blank_at:
            self._blank_at.add(cursor)
            raise NotAPage(
                f"{self._where}: 200 with nothing in it", hint="a list without lines is believed when it comes again"
            )
        self._blank_at.discard(cursor)

    @property
    def _where(self) -> str:
        return f"{self._spec.method} {self.path or '/'}"


def _text(value: str | float | bool) -> str | int:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str | int) else repr(value)


def _says(body: bytes, codes: frozenset[str]) -> bool:
    """Whether an error's body has one of the codes for a value."""
    try:
        found = msgspec.json.decode(body[: MAX_BYTES + 1])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return _holds(found, codes, MAX_DEPTH)


def _holds(found: object, codes: frozenset[str], depth: int) -> bool:
    if isinstance(found, dict | list) and depth:
        values = found.values() if isinstance(found, dict) else found
        return any(_holds(value, codes, depth - 1) for value in values)
    return not isinstance(found, dict | list | bool | None) and str(found) in codes


@hookspecs.hookimpl
def register_endpoints(register: Register, auths: Mapping[str, Callable[..., Any]]) -> None:
    """Offer `rest`."""
    register("rest", partial(RestEndpoint, auths=auths))
