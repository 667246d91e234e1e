"""Checks of plugins for the tests of their authors: does it keep the contract that a run relies on?

Each raises AssertionError with what is wrong. None needs a network; `check_sink` needs what the sink writes to.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from datasync import _native
from datasync.config import Secret, Settings
from datasync.contracts import checked
from datasync.endpoints.base import ByCursor, Endpoint, Incremental, Resizable, Windowed
from datasync.errors import DatasyncError, PluginError, RateLimited, RetriableSourceError, SourceError
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Position, Reject, Request, Row, Window
from datasync.pipeline.cursors import MAX_CURSOR
from datasync.pipeline.lanes import FastLane
from datasync.testing.check_sinks import check_sink
from datasync.transforms.chain import Chain, Transform, TransformFailed

__all__ = ["Driven", "check_endpoint", "check_sink", "check_transform", "example_settings", "recorded"]

NOW_US: Final = 1_767_225_600_000_000
"""When recorded answers came: the beginning of 2026."""

_WHOLE: Final = EncoderPlan("", (Column("data", "", "jsonb", required=True),))

_REFUSALS: Final[Mapping[int, type[SourceError]]] = {
    401: SourceError,
    404: SourceError,
    429: RateLimited,
    503: RetriableSourceError,
}


class Driven(msgspec.Struct, frozen=True):
    """What an endpoint made of recorded answers.

    Attributes:
        requests: what it asked for, in order.
        rows: what would be stored, in the order of the plan's columns; for the values see `_native.ExtractedRows`.
    """

    requests: list[Request]
    rows: list[Row]


def example_settings(
    *,
    api_base_url: str = "https://api.example.com",
    api_key: str = "example-key",
    database_url: str = "postgresql://user@localhost/none",
    **more: Any,
) -> Settings:
    """Give settings for the factory of an endpoint or sink. `more` are those of `datasync.config.Settings`."""
    return Settings(
        Secret(database_url, source="DATABASE_URL"), api_base_url, Secret(api_key, source="API_KEY"), **more
    )


def recorded(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Give an answer of an API. `body` is bytes, text, or what is made JSON of."""
    raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else msgspec.json.encode(body)
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    return Answer(status, lower, raw, len(raw), NOW_US)


def check_transform(function: Transform, record: object) -> dict[str, Any] | None:
    """Give what would be stored of `record`, or None if it is left out.

    The function is called as in a run: numbers with a fraction arrive as `Decimal`, and the result must be JSON that
    can be stored whole.

    Args:
        function: takes one record. What it raises passes; in a run it sends the record to quarantine.
        record: a dict, or JSON as text or bytes.
    """
    name = getattr(function, "__name__", type(function).__name__)
    try:
        chain = Chain([(name, checked("transform", name, str(getattr(function, "__module__", "?")), function))])
        stored = chain(recorded(record).body)
    except PluginError as error:
        raise AssertionError(str(error)) from error
    except TransformFailed as error:
        if error.__cause__ is not None and str(error).startswith(f"{name}: "):
            raise error.__cause__ from None
        raise AssertionError(str(error)) from error
    if stored is None:
        return None
    for reject in _native.PageEncoder(msgspec.json.encode(_WHOLE)).extract([stored], now_us=NOW_US).rejects:
        raise AssertionError(f"{name}: what it gives would go to quarantine: {reject.code} {reject.detail}".rstrip())
    return msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode(stored)


def check_endpoint(endpoint: Endpoint, pages: Sequence[object]) -> Driven:
    """Drive an endpoint over the pages of a whole feed, as a run would, and give what it asked and what it read.

    It must read every record, none twice; tell the last page and no other as the end; give cursors from which the same
    request can be made again; and take refusals for what they are.

    Args:
        endpoint: as its factory gives it.
        pages: the answers in order, from `recorded`, or only their bodies.
    """
    try:
        checked("endpoint", getattr(endpoint, "name", "?"), type(endpoint).__module__, endpoint)
    except PluginError as error:
        raise AssertionError(str(error)) from error
    _expect(bool(pages), "there is no page: give the answers of a whole feed; where nothing is in it, one that says so")
    for status, wanted in _REFUSALS.items():
        _check_refusal(endpoint, status, wanted)
    if isinstance(endpoint, Incremental):
        endpoint.begin(None)
    answers = [page if isinstance(page, Answer) else recorded(page) for page in pages]
    lane, encoder = FastLane(endpoint.plan), _native.PageEncoder(msgspec.json.encode(endpoint.plan))
    cursors: list[str | None] = [None]
    requests: list[Request] = []
    rows: list[Row] = []
    for number, answer in enumerate(answers):
        cursor, where = cursors[-1], f"page {number}"
        requests.append(_request(endpoint, cursor))
        _expect(requests[-1] not in requests[:-1], f"{where} is asked for by the same request as an earlier one")
        endpoint.check(answer)
        chunk = endpoint.turn(lane.encode(answer.body, cursor=cursor, now_us=answer.received_us), answer, cursor)
        _check_rejects(chunk.rejects, where)
        rows += encoder.extract(encoder.split(answer.body).records, now_us=answer.received_us).rows
        last = number == len(answers) - 1
        _check_turn(chunk, where, last=last)
        ahead = endpoint.following(answer, cursor, lane.peek)
        _expect(ahead in (None, None if last else chunk.next_cursor), f"{where}: `following` gives {ahead!r}")
        _check_position(endpoint, endpoint.position(chunk), where)
        if not last:
            cursors.append(chunk.next_cursor)
    for cursor, request in reversed(list(zip(cursors, requests, strict=True))):
        _expect(_request(endpoint, cursor) == request, f"a run that goes on from {cursor!r} asks for something else")
    _check_keys(endpoint, rows)
    return Driven(requests, rows)


def _request(endpoint: Endpoint, cursor: str | None) -> Request:
    request: object = endpoint.request(cursor)
    if not isinstance(request, Request):
        raise AssertionError(f"`request({cursor!r})` gives a {type(request).__name__}, not a Request")  # noqa: TRY004 - what a test reports
    if isinstance(endpoint, Resizable):
        _expect(endpoint.resized(request, 1) != request, "`resized` asks for as many records as before")
    return request


def _check_refusal(endpoint: Endpoint, status: int, wanted: type[SourceError]) -> None:
    try:
        endpoint.check(recorded({"error": "an example"}, status=status))
    except wanted:
        return
    except DatasyncError as error:
        raise AssertionError(
            f"`check` takes status {status} for {type(error).__name__}, not {wanted.__name__}"
        ) from error
    raise AssertionError(
        f"`check` takes status {status} for a page; `check_status` of datasync.http.retry knows better"
    )


def _check_turn(chunk: Chunk, where: str, *, last: bool) -> None:
    if last:
        _expect(chunk.has_more is False, f"{where} is the last one, but the end isn't told: `has_more` must be False")
        return
    _expect(chunk.has_more is not False, f"{where} is taken for the last one: `has_more` is False")
    cursor: object = chunk.next_cursor
    usable = isinstance(cursor, str) and 0 < len(cursor) <= MAX_CURSOR and cursor.isprintable()
    _expect(usable, f"{where}: no cursor leads on, {cursor!r} is none: a str of 1 to {MAX_CURSOR} printable characters")


def _check_rejects(rejects: Sequence[Reject], where: str) -> None:
    told = ", ".join(f"record {reject.index}: {reject.code} ({reject.detail})" for reject in rejects[:5])
    _expect(not rejects, f"{where}: {len(rejects)} records would go to quarantine: {told}")


def _check_position(endpoint: Endpoint, position: Position | None, where: str) -> None:
    if position is None:
        return
    try:
        kept = msgspec.json.decode(msgspec.json.encode(position), type=Position)
    except (TypeError, ValueError) as error:  # surrogates are a ValueError, msgspec's own errors too
        raise AssertionError(f"{where}: the position {position!r} can't be kept as JSON: {error}") from error
    _expect(kept == position, f"{where}: the position {position!r} comes back from JSON as {kept!r}")
    if isinstance(endpoint.reseek, ByCursor):
        _request(endpoint, endpoint.reseek.build(kept, NOW_US // 1000))
    if isinstance(endpoint, Windowed):
        moment: object = endpoint.moment(kept)
        _expect(isinstance(moment, int), f"{where}: `moment` gives a {type(moment).__name__}, not an int")
        window: object = endpoint.request_window(None, Window(0, NOW_US // 1000))
        _expect(isinstance(window, Request), f"`request_window` gives a {type(window).__name__}, not a Request")


def _check_keys(endpoint: Endpoint, rows: Sequence[Row]) -> None:
    for place, column in enumerate(endpoint.plan.columns):
        if column.key:
            keys = [row[place] for row in rows]
            twice = sorted({str(key) for key in keys if keys.count(key) > 1})
            _expect(not twice, f"records come twice: {column.name} {', '.join(twice[:5])}")


def _expect(good: bool, message: str) -> None:
    if not good:
        raise AssertionError(message)
