"""Answers a page of a chain: the documented envelope around records, and the damage that is done to envelopes."""

from __future__ import annotations

import uuid
from typing import Any

from datasync.simulator.cursor import Cursor, InvalidCursorError, decode_cursor, encode_cursor
from datasync.simulator.gate import Call
from datasync.simulator.pages import Page
from datasync.simulator.reply import ApiError, Reply

_DEFAULT_LIMIT = 100


def asked_limit(call: Call) -> int:
    """Give the page size: 100 unless asked, silently no more than the cap."""
    text = call.query("limit")
    try:
        limit = int(text) if text else _DEFAULT_LIMIT
    except ValueError:
        limit = _DEFAULT_LIMIT
    return min(limit if limit > 0 else _DEFAULT_LIMIT, call.simulator.options.page_cap)


def asked_cursor(call: Call) -> Cursor | None:
    """Give the cursor of a request, None at the start of a chain.

    Raises:
        ApiError: The cursor is undecodable, or was expired when the request arrived.
    """
    text = call.query("cursor")
    if text is None:
        return None
    try:
        cursor = decode_cursor(text)
    except InvalidCursorError as error:
        raise ApiError(400, "CURSOR_INVALID_FORMAT", "The cursor could not be decoded") from error
    if cursor.exp <= call.arrived * 1_000:
        status = call.simulator.options.expired_status
        raise ApiError(status, "CURSOR_EXPIRED", "The cursor has expired, start again")
    return cursor


def envelope(call: Call, *, limit: int, returned: int, total: int, last: tuple[str, int] | None) -> bytes:
    """Render what follows the records; the chain goes on after `last` (id, ts), or ends where that is None."""
    fields: list[str] = [f'"limit":{limit}']
    if call.damage != "missing_has_more":
        fields.append(f'"hasMore":{"true" if last else "false"}')
    if last:
        ends = call.arrived + call.simulator.options.cursor_ttl
        cursor = encode_cursor(id=last[0], ts=last[1], exp=int(ends * 1_000))
        fields.append(f'"nextCursor":"{cursor}","cursorExpiresIn":{max(0, int(ends - call.simulator.clock()))}')
    else:
        fields.append('"nextCursor":null,"cursorExpiresIn":null')
    pagination = "" if call.damage == "missing_pagination" else f'"pagination":{{{",".join(fields)}}},'
    meta = f'"meta":{{"total":{total},"returned":{returned},"requestId":"{uuid.uuid4()}"}}'
    return f"],{pagination}{meta}}}".encode()


def event_page(call: Call, *, start: int, bound: int, first: int, total: int, feed: bool) -> Reply:
    """Answer the page at `start` of the chain of events that begins at `first` and ends before `bound`."""
    simulator, limit = call.simulator, asked_limit(call)
    if call.damage == "repeat_page":
        start = max(first, start - limit)
    form = "ms" if feed else simulator.options.timestamps
    if call.damage in ("empty_page", "early_end"):
        page = Page(b'{"data":[', start, start, 0, ())
    else:
        page = simulator.pages.page(start, limit, bound, form)
    more = page.stop < bound and call.damage != "early_end"
    last = _before(call, page.stop) if more else None
    tail = envelope(call, limit=limit, returned=page.returned, total=total, last=last)
    reply = Reply(parts=(page.body, tail), first=page.start, count=page.stop - page.start, damage=page.damage)
    if page.returned == 0:
        reply.first = None
    return finished(call, reply, cached=not feed)


def _before(call: Call, index: int) -> tuple[str, int]:
    """Give (id, ts) after which a chain goes on at `index`; before the newest event that is a place of its own."""
    dataset = call.simulator.dataset
    if index == 0:
        return "ffffffff-ffff-4fff-bfff-ffffffffffff", dataset.timestamp_ms(0) + 1
    return dataset.id(index - 1), dataset.timestamp_ms(index - 1)


def finished(call: Call, reply: Reply, *, cached: bool) -> Reply:
    """Put the cache's headers on a page, and replace its body where the damage is to the whole of it."""
    if cached:
        reply.headers = {"X-Cache": "HIT" if call.damage == "stale_quota" else "MISS", "X-Cache-TTL": "30"}
    whole: dict[str | None, Any] = {"empty_body": (), "null_body": (b"null",)}
    if call.damage == "cut_json":
        body = b"".join(reply.parts)
        whole["cut_json"] = (body[: len(body) * 2 // 3],)
    if call.damage in whole:
        reply.parts = whole[call.damage]
        reply.first, reply.count = None, 0  # nobody can read a record out of it
    return reply
