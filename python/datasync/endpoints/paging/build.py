"""From the configuration of paging to its kind."""

from datasync.config.spec import (
    CursorPaging,
    HeaderCursorPaging,
    KeysetPaging,
    LinkHeaderPaging,
    NextUrlPaging,
    NoPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    WindowPaging,
)
from datasync.endpoints.paging.base import Context, Pager
from datasync.endpoints.paging.cursor import BodyCursor
from datasync.endpoints.paging.header_cursor import HeaderCursor
from datasync.endpoints.paging.keyset import Keyset
from datasync.endpoints.paging.link import LinkHeader
from datasync.endpoints.paging.next_url import NextUrl
from datasync.endpoints.paging.none import OnePage
from datasync.endpoints.paging.offset import Offset
from datasync.endpoints.paging.page import PageNumber
from datasync.endpoints.paging.window import Spans


def build(spec: Paging, context: Context) -> Pager:  # noqa: PLR0911  # one for each kind
    """Give the kind of paging that `spec` configures.

    Raises:
        ConfigError: it makes no sense.
    """
    match spec:
        case NoPaging():
            return OnePage(spec)
        case CursorPaging():
            return BodyCursor(spec, context)
        case HeaderCursorPaging():
            return HeaderCursor(spec)
        case NextUrlPaging():
            return NextUrl(spec, context)
        case LinkHeaderPaging():
            return LinkHeader(spec, context)
        case OffsetPaging():
            return Offset(spec)
        case PageNumberPaging():
            return PageNumber(spec)
        case KeysetPaging():
            return Keyset(spec, context)
        case WindowPaging():
            return Spans(spec, build(spec.inner, context), context)
