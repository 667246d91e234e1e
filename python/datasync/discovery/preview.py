"""The first pages of an endpoint, read as a run would read them, and stored nowhere."""

from collections.abc import Callable

from datasync.config import Settings
from datasync.config.spec import CursorPaging, HeaderCursorPaging, LinkHeaderPaging, NextUrlPaging, WindowPaging
from datasync.config.spec.paging import PlainPaging
from datasync.discovery.document import Document, read
from datasync.discovery.leads import Lead, leads
from datasync.discovery.planned import Allowance, Asked, EndpointPlan
from datasync.endpoints.base import Endpoint, Incremental
from datasync.envelope import holds
from datasync.errors import DatasyncError
from datasync.http.client import HttpxTransport
from datasync.http.links import find_link
from datasync.http.transport import Answer
from datasync.limits.headers import quotas
from datasync.limits.refusal import is_limit_signal
from datasync.limits.window import likely
from datasync.model import Chunk
from datasync.pipeline.lanes import Lane, reading


async def preview(
    settings: Settings,
    endpoint: Endpoint,
    lane: Lane,
    allowance: Allowance,
    found: EndpointPlan,
    asked: Asked,
    clock: Callable[[], float],
) -> None:
    """Ask for the first page and the second, and write what they show.

    Raises:
        Enough: no request is left.
        DatasyncError: there is no page.
    """
    if isinstance(endpoint, Incremental):
        endpoint.begin(None)
    async with HttpxTransport(settings, endpoint.auth, sending=allowance.count) as transport:
        cursor: str | None = None
        while len(asked.chunks) < 2:
            sent = clock()
            answer = await transport.get(endpoint.request(cursor))
            asked.seconds += clock() - sent
            _limits(found, answer, sent, clock())
            if is_limit_signal(answer.status, answer.headers, answer.body):
                found.warnings.append(f"the rate limit refused a request ({answer.status}): nothing more was asked")
                return
            endpoint.check(answer)
            if cursor is None:
                _detect(settings, endpoint, answer, found)
            with reading(endpoint.plan, answer.body, first=cursor is None):
                chunk = lane.encode(answer.body, cursor=cursor, now_us=answer.received_us)
            chunk = endpoint.turn(chunk, answer, cursor)
            asked.chunks.append(chunk)
            _rejects(found, chunk)
            following = None if chunk.has_more is False else chunk.next_cursor
            if following == cursor:  # None is not: it is where the first page ends
                if cursor is not None:
                    found.warnings.append("the second page leads to itself")
                return
            cursor = following
            if cursor is None or _exhausted(found):
                return
    first, second = asked.chunks
    if first.last_key is not None and first.last_key == second.last_key:
        found.warnings.append("the second page ends as the first does: the paging may lead nowhere")


def _rejects(found: EndpointPlan, chunk: Chunk) -> None:
    if chunk.rejects:
        code = chunk.rejects[0].code
        found.warnings.append(
            f"{len(chunk.rejects)} of {chunk.records} records would go to quarantine, such as for {code}"
        )


def _exhausted(found: EndpointPlan) -> bool:
    return any(quota.unit == "requests" and quota.remaining == 0 for quota in found.limits)


def _limits(found: EndpointPlan, answer: Answer, sent: float, now: float) -> None:
    shown = tuple(quotas(answer.headers, sent=sent, received=now, wall=answer.received_us / 1e6))
    found.limits = shown or found.limits
    for quota in shown:
        if quota.unit != "requests":
            continue
        # The time left tells the length only of a window that has just begun.
        fresh = quota.limit is not None and quota.remaining is not None and quota.remaining >= quota.limit - 2
        if quota.window is not None:
            found.window = quota.window
        elif quota.reset is not None and fresh:
            found.window = max(found.window or 0.0, likely(*quota.reset))


def _detect(settings: Settings, endpoint: Endpoint, answer: Answer, found: EndpointPlan) -> None:
    """Compare what an answer shows with what is configured. It is a hint: nobody has followed it."""
    try:
        document = read(answer.body, answer.headers.get("content-type", ""))
    except DatasyncError:
        return
    url = settings.api_base_url + endpoint.request(None).path
    shown = [one for one in leads(answer, document, url) if isinstance(one, Lead)]
    found.detected = tuple(dict.fromkeys(str(one.paging.__struct_config__.tag) for one in shown))
    if shown and (wrong := _unlike(settings, endpoint, answer, document, found)):
        found.warnings.append(f"{wrong}, but the answer has {shown[0].seen}, which looks like `{found.detected[0]}`")


def _unlike(
    settings: Settings, endpoint: Endpoint, answer: Answer, document: Document, found: EndpointPlan
) -> str | None:
    """Say how the answer differs from the configured paging; None where that may lead on."""
    configured = _paging(settings)
    if isinstance(configured, LinkHeaderPaging):
        missing = find_link(answer.headers.get("link", ""), configured.rel) is None
        return f"paging follows the `Link` header's `{configured.rel}`" if missing else None
    if isinstance(configured, HeaderCursorPaging):
        missing = not answer.headers.get(configured.header.lower())
        return f"paging looks for the header `{configured.header}`" if missing else None
    path = endpoint.plan.next_cursor
    if path is not None and isinstance(configured, CursorPaging | NextUrlPaging | None):
        missing = not holds(document.root, path)
        return f"paging looks for the next page at `{path}`, which is not there" if missing else None
    kind = found.paging if configured is None else str(configured.__struct_config__.tag)
    return None if kind in found.detected else f"paging is configured as `{kind}`"


def _paging(settings: Settings) -> PlainPaging | None:
    """What is configured, that of a span where they are spans of time; None where an endpoint decides it itself."""
    if settings.spec is None or settings.spec.use is not None:
        return None
    paging = settings.spec.paging
    return paging.inner if isinstance(paging, WindowPaging) else paging
