"""APIs of every kind of paging, with the configuration that reads each."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

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
from datasync.http.transport import Answer
from datasync.model import Request
from tests.resting import BASE, NOW, Script, answer, records

KINDS = (
    "none",
    "cursor",
    "cursor more",
    "cursor body",
    "header_cursor",
    "next_url absolute",
    "next_url path",
    "next_url query",
    "link",
    "offset short",
    "offset empty",
    "offset total",
    "offset header",
    "offset more",
    "page short",
    "page empty",
    "page total",
    "page pages",
    "page header",
    "page more",
    "keyset short",
    "keyset empty",
    "keyset more",
)


def api(kind: str, ids: Sequence[int], size: int, cap: int | None = None) -> tuple[Paging, Script]:
    """The API of `kind` that has `ids`, and the paging that reads it.

    Args:
        kind: one of KINDS.
        ids: in order.
        size: records per page that the paging asks for.
        cap: records per page that the API gives at most.
    """
    return _paging(kind, size), lambda request: _answer(kind, _Wish(request), ids, min(size, cap or size))


class _Wish:
    """What a request says, wherever it says it."""

    def __init__(self, request: Request) -> None:
        self.said: dict[str, Any] = dict(request.params)
        if request.content is not None:
            self.said |= msgspec.json.decode(request.content)
        if request.url is not None:
            assert request.url.startswith(BASE), request.url
            assert not request.params
            query = request.url.partition("?")[2]
            self.said |= dict(part.split("=", 1) for part in query.split("&"))


def _paging(kind: str, size: int) -> Paging:
    name, _, variant = kind.partition(" ")
    counted: dict[str, Any] = {"size": size, "size_param": "limit", "short": variant == "short"}
    counted |= {"total": {"total": "total", "header": "header:X-Total"}.get(variant)}
    counted |= {"has_more": "more"} if variant == "more" else {}
    kinds: dict[str, Paging] = {
        "none": NoPaging(),
        "cursor": CursorPaging(
            next="$.next", size=size, where="body" if variant == "body" else "query",
            has_more="more" if variant == "more" else None,
        ),
        "header_cursor": HeaderCursorPaging(header="X-Next", size=size),
        "next_url": NextUrlPaging(size=size),
        "link": LinkHeaderPaging(size=size),
        "offset": OffsetPaging(**counted),
        "page": PageNumberPaging(**counted, pages="pages" if variant == "pages" else None),
        "keyset": KeysetPaging(**counted),
    }  # fmt: skip
    return kinds[name]


def _answer(kind: str, wish: _Wish, ids: Sequence[int], size: int) -> Answer:
    name, _, variant = kind.partition(" ")
    if name == "none":
        return answer({"data": records(ids)})
    start = {
        "offset": lambda: int(wish.said["offset"]),
        "page": lambda: (int(wish.said["page"]) - 1) * size,
        "keyset": lambda: _after(wish.said.get("after"), ids),
    }.get(name, lambda: int(wish.said.get("cursor", 0)))()
    page, end = ids[start : start + size], start + size
    more = end < len(ids)
    body: dict[str, Any] = {"data": records(page)}
    headers: dict[str, str] = {}
    if name == "cursor":
        body["next"] = str(end) if more else None
    if name == "header_cursor" and more:
        headers["x-next"] = str(end)
    url = f"{BASE}/things?cursor={end}&limit={size}"
    if name == "next_url":
        forms = {"absolute": url, "path": url.removeprefix("https://api.example.com"), "query": f"?cursor={end}"}
        body["next"] = forms[variant] if more else None
    if name == "link":
        further = f'<{url}>; title="a, b; rel=\\"next\\""; rel="next last", ' if more else ""
        headers["link"] = f"<{BASE}/things>; rel=first, {further}<{BASE}/things?cursor=0>; rel=prev"
    if variant == "more":
        body["more"] = more
    if variant == "total":
        body["total"] = len(ids)
    if variant == "pages":
        body["pages"] = -(-len(ids) // size)
    if variant == "header":
        headers["x-total"] = str(len(ids))
    return answer(body, headers=headers)


def _after(key: Any, ids: Sequence[int]) -> int:
    return 0 if key is None else next((place for place, one in enumerate(ids) if one > int(key)), len(ids))


def windowed(kind: str, moments: Sequence[int], size: int, *, days: int) -> tuple[Paging, Script]:
    """An API that takes spans: a record's id is its moment in seconds, and `until` is outside.

    `days` before NOW the first span begins; each takes a day.
    """
    start = datetime.fromtimestamp(NOW - days * 86_400, UTC).isoformat()
    inner: Any = _paging(kind, size)
    paging = WindowPaging(
        since_param="since", until_param="until", start=start, step="1d", format="s", inner=inner,
        where="body" if inner.where == "body" else "query",
    )  # fmt: skip

    def script(request: Request) -> Answer:
        wish = _Wish(request)
        if "since" not in wish.said:  # a URL of the API's own
            wish.said["since"], wish.said["until"] = wish.said["cursor"].split("-")[1:]
        since, until = int(wish.said["since"]), int(wish.said["until"])
        inside = [moment for moment in moments if since <= moment < until]
        return _answer(kind, wish, inside, size)

    return paging, script
