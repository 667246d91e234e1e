"""`paging` of an endpoint: how one page leads to the next, and how the end is told."""

from typing import Literal, TypeAlias

import msgspec

from datasync.config.invalid import InvalidSpec
from datasync.config.spec import valid
from datasync.config.spec.renewal import Renewal


class _Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", kw_only=True):
    """What every kind may say.

    Attributes:
        size: records asked for per page; None asks for nothing in particular.
        size_param: parameter that carries `size`.
        has_more: path in the body to a boolean that says whether there is more.
        total: path in the body, or header as `header:Name`, to the number of all records.
        where: parameters go into the query, or into the JSON body of a POST.
    """

    size: int | None = None
    size_param: str = "limit"
    has_more: str | None = None
    total: str | None = None
    where: Literal["query", "body"] = "query"

    def __post_init__(self) -> None:
        valid.within("size", self.size, 1)
        for key in ("size_param", "param", "next", "header", "rel"):
            valid.given(key, getattr(self, key, None))
        for key in ("start", "first"):
            place = getattr(self, key, None)
            if isinstance(place, int):
                valid.within(key, place, 0)
        if self.size is not None and getattr(self, "param", None) == self.size_param:
            raise InvalidSpec(
                "size_param",
                f"is the same parameter as `param`: `{self.size_param}`",
                hint="one says how many records a page has, the other where it begins: name both, or leave out `size`",
            )


class NoPaging(_Paging, frozen=True, tag="none"):
    """One page is all."""


class LeftOut(NoPaging, frozen=True, tag="none"):
    """No paging was written. As `none`, but nobody has said that one page is all: an answer may say that it isn't."""


class CursorPaging(_Paging, frozen=True, tag="cursor"):
    """The body names a cursor for the next page; none or null is the end, unless `has_more` says otherwise.

    Attributes:
        next: path to it.
        param: parameter to send it as.
        ttl: duration it lives; None: it doesn't expire.
        expired: codes, or statuses as text, with which the API refuses a cursor that expired.
        renew: how a cursor for the same place is written instead; None: the feed is read again from its beginning.
    """

    next: str
    param: str = "cursor"
    ttl: float | str | None = None
    expired: tuple[str, ...] = ()
    renew: Renewal | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ttl is not None:
            valid.duration("ttl", self.ttl, positive=True)
        if self.renew is not None and self.ttl is None and not self.expired:
            raise InvalidSpec("renew", "is never used", hint="say by `expired` or `ttl` when a cursor has expired")


class HeaderCursorPaging(_Paging, frozen=True, tag="header_cursor"):
    """A header names the cursor for the next page; none is the end."""

    header: str
    param: str = "cursor"


class NextUrlPaging(_Paging, frozen=True, tag="next_url"):
    """The body names the URL of the next page, absolute or not; only the API's own origin is followed."""

    next: str = "next"


class LinkHeaderPaging(_Paging, frozen=True, tag="link"):
    """`Link: <...>; rel="next"` (RFC 8288) leads on."""

    rel: str = "next"


class OffsetPaging(_Paging, frozen=True, tag="offset"):
    """So many records are skipped. The end: an empty page, a short one (see `short`), `has_more`, or `total`.

    Attributes:
        short: a page with fewer records than `size` is the last one.
    """

    size: int | None = 100
    param: str = "offset"
    start: int = 0
    short: bool = True


class PageNumberPaging(_Paging, frozen=True, tag="page"):
    """Pages have numbers. The end: as with `offset`, or `pages`.

    Attributes:
        first: number of the first page.
        pages: path to the number of all pages.
    """

    size: int | None = 100
    size_param: str = "per_page"
    param: str = "page"
    first: int = 1
    pages: str | None = None
    short: bool = True


class KeysetPaging(_Paging, frozen=True, tag="keyset"):
    """The key of the last record is the parameter of the next request. The end: as with `offset`.

    Attributes:
        field: path in the record to what is sent; None is the key column.
    """

    size: int | None = 100
    param: str = "after"
    field: str | None = None
    short: bool = True


PlainPaging: TypeAlias = (
    NoPaging
    | CursorPaging
    | HeaderCursorPaging
    | NextUrlPaging
    | LinkHeaderPaging
    | OffsetPaging
    | PageNumberPaging
    | KeysetPaging
)


class WindowPaging(_Paging, frozen=True, tag="window"):
    """Spans of time, one after the other from `start` until now; each one is read by `inner`.

    Attributes:
        since_param, until_param: parameters for the ends of a span.
        start: first moment, ISO 8601.
        step: duration of a span.
        format: of the ends: ISO 8601, epoch seconds or milliseconds, or a date.
        inner: how the pages of one span are read.
    """

    since_param: str
    until_param: str
    start: str
    step: float | str = "1d"
    format: Literal["iso", "s", "ms", "date"] = "iso"
    inner: PlainPaging = LeftOut()

    def __post_init__(self) -> None:
        super().__post_init__()
        valid.given("since_param", self.since_param)
        valid.given("until_param", self.until_param)
        valid.moment("start", self.start)
        valid.duration("step", self.step, positive=True)
        if self.since_param == self.until_param:
            raise InvalidSpec("until_param", "is the same parameter as `since_param`", hint="a span has two ends")
        for key in ("since_param", "until_param"):
            if getattr(self, key) in sent(self.inner):
                hint = "a span and the pages in it are told apart by parameters of their own"
                raise InvalidSpec(key, f"is a parameter of `inner`, too: `{getattr(self, key)}`", hint=hint)
        if isinstance(self.inner, CursorPaging) and self.inner.renew is not None:
            hint = "leave it out; where a cursor expires, the spans are read again from the first one"
            raise InvalidSpec("inner.renew", "is not for the pages of a span", hint=hint)


Paging: TypeAlias = PlainPaging | WindowPaging


def sent(paging: Paging) -> frozenset[str]:
    """The parameters that say where a page begins and how large it is; of a span not its ends."""
    inner = sent(paging.inner) if isinstance(paging, WindowPaging) else frozenset()
    own = (getattr(paging, "param", None), paging.size_param if paging.size is not None else None)
    return inner | {name for name in own if name is not None}
