"""The table of species: which paging meets which credentials and oddity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datasync.simulator.zoo.ask import Guard, Pager
from datasync.simulator.zoo.counted import AfterKey, Children, Newest, Numbers, Offsets, Parents
from datasync.simulator.zoo.cursors import Cursors
from datasync.simulator.zoo.data import GROWTH, Expects
from datasync.simulator.zoo.guards import Basic, Bearer, HeaderKey, QueryKey, Signed
from datasync.simulator.zoo.tokens import Issued
from datasync.simulator.zoo.urls import LinkHeader, NextUrl
from datasync.simulator.zoo.windows import Csv, NdJson, Windows

Ends = Literal["complete", "unproven", "never"]


@dataclass(frozen=True)
class Species:
    """One API.

    Attributes:
        name: Of the species, its configuration and its entries in the served log.
        guard: What credentials it wants.
        pager: How its pages follow each other.
        special: What is told of it.
        base: Path of the base URL.
        path: From there; may have an `{id}` in it.
        method: Of the requests.
        expects: Which records it serves in the end, see `ZooData.ids`.
        ends: Whether who reads it can know that he has all: `complete`; `unproven`, as what it says of itself is
            wrong; or `never`, as it does not serve all.
    """

    name: str
    guard: Guard
    pager: Pager
    special: str
    base: str = ""
    path: str = "/items"
    method: Literal["GET", "POST"] = "GET"
    expects: Expects = "items"
    ends: Ends = "complete"

    def url(self, origin: str) -> str:
        """Give its address."""
        return f"{origin}{self.base or f'/{self.name}'}{self.path}"


_ALL = (
    Species(
        "cursor",
        HeaderKey(),
        Cursors(records="items", next="page.next", has_more="page.has_more", total="page.total"),
        "cursor in the body, has_more and total",
    ),
    Species("cursor_null_end", HeaderKey("X-Zoo-Key"), Cursors(), "cursor in the body, null is the end"),
    Species(
        "cursor_post",
        Bearer(),
        Cursors(records="results", next="paging.after", total="paging.total", null_end=False, in_body=True),
        "POST, cursor in the JSON of both bodies, none is the end",
        path="/search",
        method="POST",
    ),
    Species(
        "header_cursor",
        Bearer(),
        Cursors(records="", next="", header="X-Next-Cursor"),
        "cursor in a header, array at the root",
    ),
    Species("next_url", Basic(), NextUrl(), "absolute URL of the next page in the body"),
    Species("next_relative", Basic(), NextUrl(absolute=False), "path of the next page in the body"),
    Species(
        "link",
        Bearer("token"),
        LinkHeader(),
        "Link header; X-RateLimit headers, reset in epoch seconds, 403 when used up",
    ),
    Species("offset", QueryKey(), Offsets(total="total"), "offset, total in the body"),
    Species(
        "offset_total_header",
        HeaderKey(),
        Offsets(records="", total="header:X-Total-Count"),
        "offset, total in header",
    ),
    Species("offset_bare", HeaderKey(), Offsets(records=""), "offset, array at the root, short last page"),
    Species("page", HeaderKey(), Numbers(pages="meta.pages"), "page numbers, number of pages in the body"),
    Species("page_from_zero", QueryKey("key"), Numbers(records="content", first=0), "page numbers from 0"),
    Species("keyset", HeaderKey(), AfterKey(), "id of the last record, sorted by id"),
    Species("windows", HeaderKey(), Windows(), "since and until, a day at most, cursor within"),
    Species("ndjson", Bearer(), NdJson(), "a JSON object on each line, one page", path="/items.ndjson"),
    Species("csv", Basic(), Csv(), "RFC 4180 with quotes and line breaks in fields, one page", path="/items.csv"),
    Species("oauth2", Issued("client_credentials"), Cursors(), "client credentials, tokens for a few requests"),
    Species("oauth2_refresh", Issued("refresh_token"), Cursors(), "refresh token that is another after each use"),
    Species("login", Issued("session", "X-Session", ""), Cursors(), "POST /login gives a session's token"),
    Species("signed", Signed(), Cursors(), "HMAC-SHA256 over method, path, query and date"),
    Species(
        "newest_first",
        HeaderKey(),
        Newest(growth=GROWTH),
        "since on updated_at, newest first, changes while it is read",
        expects="feed",
    ),
    Species("ignores_since", HeaderKey(), Newest(heeds_since=False), "as newest_first, but since means nothing"),
    Species(
        "parents", HeaderKey(), Parents(), "parents of the children", base="/family", path="/parents", expects="parents"
    ),
    Species(
        "children",
        HeaderKey(),
        Children(),
        "children of each parent, by offset; some have none",
        base="/family",
        path="/parents/{id}/children",
        expects="children",
    ),
    Species("nested", HeaderKey(), Cursors(nested=True), "each record has a list of lines"),
    Species("caps", HeaderKey(), Offsets(total="total", cap=30), "gives 30 records, whatever is asked for"),
    Species("full_last_page", HeaderKey(), Cursors(null_end=False), "the last page is full and has no cursor"),
    Species("offset_from_one", HeaderKey(), Offsets(total="total", first=1), "the first offset is 1"),
    Species("empty_pages", HeaderKey(), Cursors(gaps=True), "pages without records in the middle"),
    Species(
        "total_too_high",
        HeaderKey(),
        Cursors(has_more="has_more", total="total", off=3),
        "declares 3 records more than there are",
        ends="unproven",
    ),
    Species(
        "total_too_low",
        HeaderKey(),
        Offsets(total="total", off=-3),
        "declares 3 records fewer than there are",
        ends="unproven",
    ),
    Species("repeats", HeaderKey(), Numbers(pages="pages", stuck=True), "always gives the first page", ends="never"),
)

#: All species by name.
SPECIES = {species.name: species for species in _ALL}
