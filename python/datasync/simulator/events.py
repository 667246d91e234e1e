"""The documented endpoints of events: the list, one event, and many by their ids."""

from __future__ import annotations

import msgspec

from datasync.simulator.chain import asked_cursor, event_page
from datasync.simulator.gate import Call
from datasync.simulator.reply import ApiError, Reply, json_reply, meta

_MOST_IDS = 100


class _Bulk(msgspec.Struct):
    ids: list[str]


async def list_events(call: Call) -> Reply:
    """Answer a page of all events; `since` and `until` are ignored here."""
    dataset, cursor = call.simulator.dataset, asked_cursor(call)
    newest = call.simulator.newest()
    start = max(newest, dataset.find(cursor.ts, cursor.id)) if cursor else newest
    total = call.simulator.total(newest)
    return event_page(call, start=start, bound=dataset.count, first=newest, total=total, feed=False)


async def one_event(call: Call) -> Reply:
    """Answer one event; whatever sub-path is guessed is taken for an id."""
    index = _index_of(call, call.request.path_params["id"])
    if index is None:
        raise ApiError(404, "EVENT_NOT_FOUND", "No event with this id")
    record = msgspec.Raw(_records(call, [index])[0].encode())
    reply = json_reply({"data": record, "meta": meta()})
    reply.first, reply.count = index, 1
    return reply


async def bulk_events(call: Call) -> Reply:
    """Answer the events of up to 100 ids, in the order asked; unknown ids are left out."""
    try:
        ids = msgspec.json.decode(await call.request.body(), type=_Bulk).ids
    except msgspec.DecodeError as error:
        raise ApiError(400, "INVALID_BODY", 'The body must read {"ids":[..]}') from error
    if not 0 < len(ids) <= _MOST_IDS:
        raise ApiError(400, "INVALID_BODY", f"Ask for 1 to {_MOST_IDS} ids")
    found = [index for id in ids if (index := _index_of(call, id)) is not None]
    records = [msgspec.Raw(record.encode()) for record in _records(call, found)]
    return json_reply({"data": records, "meta": meta(requested=len(ids), returned=len(records))})


def _index_of(call: Call, id: str) -> int | None:
    """Give the index of an event that is there by now."""
    index = call.simulator.dataset.index_of(id)
    return None if index is None or index < call.simulator.newest() else index


def _records(call: Call, indexes: list[int]) -> list[str]:
    """Render undamaged events in the forms that their positions decide."""
    pages, form = call.simulator.pages, call.simulator.options.timestamps
    return [pages.record(index, position, form) for position, index in enumerate(indexes)]
