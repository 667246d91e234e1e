"""What an answer has that may lead to the next page. Nothing here is believed before it was asked for."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import httpx
import msgspec

from datasync.config.spec import CursorPaging, HeaderCursorPaging, LinkHeaderPaging, NextUrlPaging, Paging
from datasync.discovery.document import Document, envelope, plain, title
from datasync.errors import ContractChanged
from datasync.http.origin import same_origin
from datasync.http.transport import Answer
from datasync.jsonpaths import path

Ask: TypeAlias = Mapping[str, str | int]

MOST_PARAMS: Final = 5
"""Names tried for one cursor."""

_CURSORS: Final[Mapping[str, tuple[str, ...]]] = {
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
"""What fields with a cursor are called, best first, and the parameters it may be sent as."""

_URLS: Final = ("next", "nexturl", "nextlink", "nextpage", "nextpageurl", "nextpagelink", "odatanextlink")
_COMMON: Final = ("cursor", "after", "page_token", "starting_after")
_HEADERS: Final = ("cursor", "continuation", "nextpage", "nexttoken", "pagetoken", "nextmarker")


class Lead(msgspec.Struct, frozen=True):
    """A way to the next page.

    Attributes:
        paging: what it would be called.
        seen: where it was seen.
        params, url: what to ask.
    """

    paging: Paging
    seen: str
    params: Ask = {}
    url: str | None = None


class Elsewhere(msgspec.Struct, frozen=True):
    """A link that isn't followed, and why."""

    seen: str
    why: str


def leads(answer: Answer, document: Document, url: str) -> Iterator[Lead | Elsewhere]:
    """Give what may lead on from a page of `url`, the plainest first."""
    yield from _link(answer, url)
    yield from _urls(document, url)
    yield from _cursors(document)
    yield from _headers(answer)


def _link(answer: Answer, url: str) -> Iterator[Lead | Elsewhere]:
    value = answer.headers.get("link")
    if value is None:
        return
    for rel, link in httpx.Response(200, headers={"link": value}).links.items():
        if rel is not None and rel.lower() == "next":
            yield _to(LinkHeaderPaging(rel=rel), "the header Link", url, link.get("url", ""))


def _urls(document: Document, url: str) -> Iterator[Lead | Elsewhere]:
    for keys, value in envelope(document):
        name = plain(keys[-2] if len(keys) > 1 and keys[-1] in ("href", "url") else keys[-1])
        if name in _URLS and isinstance(value, str) and ("://" in value or value[:1] in ("/", "?")):
            yield _to(NextUrlPaging(next=path(keys)), f"`{path(keys)}`", url, value)


def _to(paging: Paging, seen: str, url: str, link: str) -> Lead | Elsewhere:
    try:
        return Lead(paging, seen, url=same_origin(url, link))
    except ContractChanged as error:
        return Elsewhere(seen, str(error))


def _cursors(document: Document) -> Iterator[Lead]:
    found = [
        (list(_CURSORS).index(name), keys, value)
        for keys, value in envelope(document)
        if (name := plain(keys[-1])) in _CURSORS and _usable(value)
    ]
    for _, keys, value in sorted(found, key=lambda one: one[0]):
        for param in _params(_CURSORS[plain(keys[-1])]):
            yield Lead(CursorPaging(next=path(keys), param=param), f"`{path(keys)}`", {param: value})


def _headers(answer: Answer) -> Iterator[Lead]:
    for name, value in answer.headers.items():
        bare = plain(name)
        if value and len(value) < 4096 and any(word in bare for word in _HEADERS) and "ttl" not in bare:
            known = next((names for word, names in _CURSORS.items() if word in bare), ())
            for param in _params(known):
                paging = HeaderCursorPaging(header=title(name), param=param)
                yield Lead(paging, f"the header {title(name)}", {param: value})


def _params(known: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys((*known, *_COMMON)))[:MOST_PARAMS]


def _usable(value: object) -> bool:
    if isinstance(value, str):
        return 0 < len(value) < 8192 and "://" not in value and value[:1] not in ("/", "?")
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
