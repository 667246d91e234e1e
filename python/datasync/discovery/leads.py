"""What an answer has that may lead to the next page. Nothing here is believed before it was asked for."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import httpx
import msgspec

from datasync.config.spec import CursorPaging, HeaderCursorPaging, LinkHeaderPaging, NextUrlPaging, Paging
from datasync.discovery.document import Document, envelope, title
from datasync.endpoints.paging.words import CURSOR_HEADERS, CURSORS, URLS, is_cursor, is_url, named, plain
from datasync.errors import ContractChanged
from datasync.http.origin import same_origin
from datasync.http.transport import Answer
from datasync.jsonpaths import path

Ask: TypeAlias = Mapping[str, str | int]

MOST_PARAMS: Final = 5
"""Names tried for one cursor."""

_COMMON: Final = ("cursor", "after", "page_token", "starting_after")


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
        if named(keys) in URLS and is_url(value):
            yield _to(NextUrlPaging(next=path(keys)), f"`{path(keys)}`", url, value)


def _to(paging: Paging, seen: str, url: str, link: str) -> Lead | Elsewhere:
    try:
        return Lead(paging, seen, url=same_origin(url, link))
    except ContractChanged as error:
        return Elsewhere(seen, str(error))


def _cursors(document: Document) -> Iterator[Lead]:
    found = [
        (list(CURSORS).index(name), keys, value)
        for keys, value in envelope(document)
        if (name := plain(keys[-1])) in CURSORS and is_cursor(value)
    ]
    for _, keys, value in sorted(found, key=lambda one: one[0]):
        for param in _params(CURSORS[plain(keys[-1])]):
            yield Lead(CursorPaging(next=path(keys), param=param), f"`{path(keys)}`", {param: value})


def _headers(answer: Answer) -> Iterator[Lead]:
    for name, value in answer.headers.items():
        bare = plain(name)
        if value and len(value) < 4096 and any(word in bare for word in CURSOR_HEADERS) and "ttl" not in bare:
            known = next((names for word, names in CURSORS.items() if word in bare), ())
            for param in _params(known):
                paging = HeaderCursorPaging(header=title(name), param=param)
                yield Lead(paging, f"the header {title(name)}", {param: value})


def _params(known: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys((*known, *_COMMON)))[:MOST_PARAMS]
