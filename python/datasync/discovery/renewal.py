"""Whether expired cursors can be written anew: what a cursor holds, and a request that proves it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from datasync.config.duration import seconds
from datasync.config.spec import CursorPaging, Renewal
from datasync.config.spec.renewal import KEY, MIN_LIFETIME, TIMESTAMP_MS
from datasync.discovery import cursors
from datasync.discovery.columns import instants, key_field, read_moments
from datasync.discovery.findings import ColumnFound, Findings, RenewalFound
from datasync.discovery.leads import Ask
from datasync.discovery.paging import Found
from datasync.discovery.parameters import incremental
from datasync.discovery.prober import Prober, Seen
from datasync.endpoints.paging.renew import Renewed, decoded
from datasync.envelope import at
from datasync.http.retry import server_time
from datasync.http.transport import Answer

_ENDED: Final = 60_000
"""Milliseconds for which a cursor is over that is written to see how the API refuses it."""


class _Held(msgspec.Struct, frozen=True):
    """What the cursor of a page holds."""

    page: Seen
    members: Mapping[str, Any]


async def find(prober: Prober, found: Found, pages: Sequence[Seen]) -> None:
    """Write a cursor for the place after the first page, and keep what it is made of if the API takes it.

    Nothing is asked unless all that the cursors of `pages` hold is explained. One request proves it; another one sees
    how a cursor that has ended is refused, if that isn't known, because the run must know it to write a new one.

    Raises:
        Enough: see `Prober.ask`.
    """
    findings, way, second = prober.findings, found.paging.paging, found.second
    if not isinstance(way, CursorPaging) or second is None or second.answer is None:
        return
    renew = explain(findings, pages, way.next)
    if renew is None:
        return
    held = decoded(str(found.asked[way.param]))
    position = {name: held[name] for name in renew.of_records}
    build = Renewed(renew, ()).build
    await prober.ready()  # a wait for the limit must not use up the new cursor's life
    now_ms = _now(second.answer)
    written = build(position, now_ms)
    if decoded(written)[renew.expires] == held[renew.expires]:
        written = build(position, now_ms + 1)  # else it might be the API's own
    seen = await prober.ask({**found.asked, way.param: written})
    if not seen.ok or seen.ids != second.ids:
        outcome = seen.failure or "other records"
        prober.note("a cursor that was written here", outcome)
        findings.notes.append(
            "cursors look as if they could be written, but the API didn't take one: "
            f"{outcome}; where one expires the list is read again"
        )
        return
    same = f"the same {seen.count} records as the API's own"
    prober.note("a cursor that was written here", same)
    findings.renewal = RenewalFound(renew, f"a cursor that was written here gave {same}")
    assert findings.cursor is not None
    if not findings.cursor.refusals:
        ended = build(position, _now(second.answer) - round(seconds(renew.lifetime) * 1000) - _ENDED)
        await _see_refusal(prober, {**found.asked, way.param: ended})


def explain(findings: Findings, pages: Sequence[Seen], next_path: str) -> Renewal | None:
    """Say what the cursors of these pages hold, or give None if a member is left that nothing explains.

    A constant must be the same in all of them. They have to be of two places at least: what belongs to a place looks
    like a constant where only one is seen.

    Args:
        findings: with columns, key, parameters, and the life of a cursor.
        pages: as different as there are, also in when they were asked for. Those that lead nowhere don't count.
        next_path: where their cursors stand.
    """
    known = None if findings.cursor is None else findings.cursor.seconds
    places = _held(pages, next_path)
    if known is None or not places or len({place.page.ids[-1] for place in places}) < 2:
        return None
    own = {KEY: _keys(findings, places), TIMESTAMP_MS: _timestamps(findings, places)}
    members: dict[str, str | int | bool] = {}
    expires = None
    for name in places[0].members:
        values = [place.members[name] for place in places]
        role = next((kind for kind, wanted in own.items() if _equal(values, wanted)), None)
        if name in cursors.INSIDE and expires is None:
            expires = name
        elif name not in cursors.INSIDE and (role is not None or _constant(values, places)):
            members[name] = role or values[0]
        else:
            return None
    if expires is None or not set(own) & set(members.values()):
        return None
    left = [_left(place, expires) for place in places]
    lifetime = int(min(known, *left) * 11 / 12)  # 110 s of 120
    return Renewal(members=members, expires=expires, lifetime=f"{lifetime}s") if lifetime >= MIN_LIFETIME else None


async def _see_refusal(prober: Prober, asked: Ask) -> None:
    seen, findings = await prober.ask(asked), prober.findings
    prober.note("one that has ended", seen.failure or f"{seen.count} records")
    if seen.ok:
        findings.notes.append("a cursor that had ended was taken all the same")
    # A 5xx is believed to be for an old cursor by its `ttl`; as a code it would hide failures.
    elif seen.answer is not None and 400 <= seen.answer.status < 500 and (known := findings.cursor) is not None:
        code = cursors.refusal(seen.answer)
        how = f"{known.how}; one that had ended was refused with {code}"
        findings.cursor = msgspec.structs.replace(known, how=how, refusals=(code,))


def _held(pages: Sequence[Seen], next_path: str) -> list[_Held]:
    """Give what the cursors of all pages hold that lead on; nothing if one can't be read, or has other members."""
    places = []
    for page in pages:
        cursor = at(page.document.root, next_path) if page.document is not None and page.count else None
        if cursor is None or cursor == "":
            continue
        try:
            places.append(_Held(page, decoded(cursor)))
        except (ValueError, TypeError, AttributeError, RecursionError, msgspec.DecodeError):
            return []
    return places if all(place.members.keys() == places[0].members.keys() for place in places) else []


def _keys(findings: Findings, places: Sequence[_Held]) -> list[Any]:
    last = [_last(place) for place in places]
    field = key_field(last, findings.columns, findings.key)
    return [] if field is None else [record.get(field) for record in last]


def _timestamps(findings: Findings, places: Sequence[_Held]) -> list[Any]:
    """Epoch milliseconds of the column that a run goes by where it can't read a cursor, and of no other one."""
    clock = _clock(findings)
    if clock is None:
        return []
    found = [instants([_last(place)], clock, _received(place)) for place in places]
    return [one[0] // 1000 for one in found if one]


def _clock(findings: Findings) -> ColumnFound | None:
    told = incremental(findings)
    times = [one for one in findings.columns if one.kind == "timestamptz" and (not told or one.name == told.column)]
    return times[0] if times else None


def _constant(values: Sequence[Any], places: Sequence[_Held]) -> bool:
    value, now_us = values[0], _received(places[0])
    if not isinstance(value, str | int) or (isinstance(value, str) and value.startswith("$")):
        return False
    # The moment of the request is the same in requests that come close together.
    near = any(abs(one - now_us) < cursors.MOST * 1e6 for one in read_moments([value], now_us))
    return not near and _equal(values, [value] * len(values))


def _equal(values: Sequence[Any], wanted: Sequence[Any]) -> bool:
    # True is no 1, and "1" neither.
    return len(values) == len(wanted) and all(
        type(one) is type(other) and one == other for one, other in zip(values, wanted, strict=True)
    )


def _left(place: _Held, expires: str) -> float:
    """Seconds for which a cursor was good when it came; 0 for what is no moment in milliseconds, or too far away."""
    ends = place.members[expires]
    if isinstance(ends, bool) or not isinstance(ends, int):
        return 0.0
    assert place.page.answer is not None
    left = (ends - _then(place.page.answer)) / 1000
    return left if 0 < left <= cursors.MOST else 0.0


def _last(place: _Held) -> dict[str, Any]:
    assert place.page.document is not None
    return place.page.document.records[-1]


def _received(place: _Held) -> int:
    assert place.page.answer is not None
    return place.page.answer.received_us


def _then(answer: Answer) -> int:
    """When it came, in milliseconds since 1970 by the server's clock."""
    return server_time(answer) or answer.received_us // 1000


def _now(answer: Answer) -> int:
    """What the clock of the server that gave this answer says now."""
    return time.time_ns() // 1_000_000 + _then(answer) - answer.received_us // 1000
