"""What APIs call the members and headers that say where the next page is, or how much there is.

Names are compared as `plain` makes them.
"""

import re
from collections.abc import Mapping
from typing import Final

CURSORS: Final[Mapping[str, tuple[str, ...]]] = {
    "nextcursor": ("cursor", "next_cursor", "nextCursor", "after"),
    "cursor": ("cursor",),
    "endcursor": ("after", "cursor"),
    "after": ("after",),
    "nextpagetoken": ("pageToken", "page_token", "nextPageToken"),
    "pagetoken": ("pageToken", "page_token"),
    "nexttoken": ("nextToken", "next_token", "token"),
    "continuationtoken": ("continuationToken", "continuation_token"),
    "continuation": ("continuation",),
    "paginationtoken": ("pagination_token", "paginationToken"),
    "scrollid": ("scroll_id", "scrollId"),
    "nextmarker": ("marker",),
    "marker": ("marker",),
    "bookmark": ("bookmark",),
    "nextoffset": ("offset",),
    "offset": ("offset",),
    "nextpage": ("page", "next_page", "cursor"),
    "nextid": ("after", "since_id", "from_id"),
    "next": ("cursor", "next", "page", "after"),
}
"""Fields with a cursor, best first, and the parameters it may be sent as."""

URLS: Final = ("next", "nexturl", "nextlink", "nextpage", "nextpageurl", "nextpagelink", "odatanextlink")
CURSOR_HEADERS: Final = ("cursor", "continuation", "nextpage", "nexttoken", "pagetoken", "nextmarker")
"""Words in the names of headers with a cursor."""

TOTALS: Final = (
    "total",
    "totalcount",
    "totalrecords",
    "totalresults",
    "totalitems",
    "totalelements",
    "totalhits",
    "recordcount",
    "odatacount",
    "resultcount",
    "count",
)
TOTAL_HEADERS: Final = ("x-total-count", "x-total", "total-count", "x-wp-total", "x-pagination-total-count")
MORE: Final = ("hasmore", "hasnext", "hasnextpage", "hasmoreitems", "hasmorepages", "more")
PAGES: Final = ("totalpages", "pagecount", "numpages", "pages", "lastpage")


def plain(name: str) -> str:
    """A name in lower case without what separates words: `nextCursor`, `next_cursor` and `next-cursor` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def named(keys: tuple[str, ...]) -> str:
    """What the member at `keys` is called, plain: a link may be an object with the URL in it."""
    return plain(keys[-2] if len(keys) > 1 and keys[-1] in ("href", "url") else keys[-1])


def is_url(value: object) -> bool:
    """Whether a member can be the link to a page."""
    return isinstance(value, str) and ("://" in value or value[:1] in ("/", "?"))


def is_cursor(value: object) -> bool:
    """Whether a member can be a cursor."""
    if isinstance(value, str):
        return 0 < len(value) < 8192 and not is_url(value)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_count(text: str) -> bool:
    """Whether a header can be a number of records."""
    return text.isascii() and text.isdigit() and len(text) < 16
