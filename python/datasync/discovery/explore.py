"""Asks an API how it wants to be read: the most important first, so that little budget still tells much."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from datasync.config import Secret, Settings
from datasync.config.spec import KeysetPaging, OffsetPaging, PageNumberPaging
from datasync.discovery import around, columns, cursors, paging, parameters, renewal, sizes
from datasync.discovery.address import Address
from datasync.discovery.credentials import Given, GivenAuth
from datasync.discovery.findings import AuthVariant, Findings, FirstAnswer, SizeFound
from datasync.discovery.leads import Lead, leads
from datasync.discovery.paging import Bases, Found
from datasync.discovery.prober import Enough, Prober, Seen
from datasync.errors import AuthError, DatasyncError, RateLimited
from datasync.http.client import HttpxTransport
from datasync.http.retry import check_status

PATIENCE: Final = 90.0
"""Seconds that are waited for the rate limit in all, unless told."""


class Options(msgspec.Struct, frozen=True):
    """What is asked for.

    Attributes:
        allowed: requests.
        patience: see PATIENCE.
        cursor_wait: seconds after which a cursor is used again; None: it isn't.
        key_param: parameter to send the key as once, for a look at the limits then; None: it isn't.
    """

    allowed: int = 40
    patience: float = PATIENCE
    cursor_wait: float | None = None
    key_param: str | None = None


async def explore(
    address: Address,
    given: Given,
    options: Options,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    waiting: Callable[[float], None] = lambda _seconds: None,
) -> Findings:
    """Ask until all is known, the budget is used, or the API refuses; that is then in `Findings.stopped`.

    Raises:
        SourceError: the first answer is no list.
    """
    findings = Findings(address.url, options.allowed)
    prober = Prober(
        findings, address.path, address.params, patience=options.patience, clock=clock, sleep=sleep, waiting=waiting
    )
    async with AsyncExitStack() as stack:

        async def transport(credentials: Given) -> HttpxTransport:
            auth = GivenAuth(credentials, base_url=address.base_url)
            # Nothing here opens the database, and the key is with `auth`.
            nothing = Secret("", source=credentials.source)
            settings = Settings(nothing, address.base_url, nothing)
            return await stack.enter_async_context(HttpxTransport(settings, auth, sending=prober.count))

        prober.use(await transport(given))
        try:
            await _Exploration(prober, given, options).run(transport)
        except Enough as enough:
            findings.stopped = str(enough)
            if findings.first is None:
                raise RateLimited(str(enough), hint="run it again when the API takes requests") from None
    return findings


class _Exploration:
    """The questions, in their order."""

    def __init__(self, prober: Prober, given: Given, options: Options) -> None:
        self._prober = prober
        self._given = given
        self._options = options
        self._findings = prober.findings
        self._stable: bool | None = None
        self._pages: list[Seen] = []  # that tell what a cursor holds

    async def run(self, transport: Callable[[Given], Awaitable[HttpxTransport]]) -> None:
        plain = await self._first()
        if plain.count:
            param, small = await sizes.find_parameter(self._prober, plain)
            self._findings.size = SizeFound(param, None, None, None, plain.count)
            found = await self._paging(plain, param, small)
            self._second(plain, found)
            self._pages += filter(None, (plain, small, found.second))
            if param is not None:
                await sizes.grow(self._prober, param, plain, self._findings)
            stable = await self._is_stable(plain)
            await parameters.try_parameters(self._prober, plain, self._findings.columns, self._findings, stable=stable)
            if self._options.cursor_wait is not None and found.asked and isinstance(found.second, Seen):
                self._findings.cursor = await cursors.measure(
                    self._prober, found.asked, self._options.cursor_wait, self._findings.cursor
                )
            await renewal.find(self._prober, found, self._pages)
        if self._options.key_param is not None:
            await self._as_parameter(transport, self._options.key_param)

    async def _first(self) -> Seen:
        began = time.monotonic()
        seen = await self._prober.ask({})
        seconds = time.monotonic() - began
        answer, document, findings = seen.answer, seen.document, self._findings
        if answer is None or document is None:
            raise _refusal(seen, self._given, findings.url)
        encoding = answer.headers.get("content-encoding", "identity").strip().lower()
        findings.first = FirstAnswer(
            answer.status,
            answer.headers.get("content-type", ""),
            "" if encoding == "identity" else encoding,
            answer.wire_bytes,
            len(answer.body),
            round(seconds, 3),
        )
        findings.format, findings.records = document.format, document.records_at
        where = "the root" if document.records_at == "" else f"`{document.records_at}`"
        self._prober.note("the plain address", f"{len(document.records)} records at {where}")
        if document.records_at is None:
            findings.notes.append("no array of objects within three levels: this is no list of records")
            return seen
        if document.odd:
            findings.notes.append(f"{document.odd} elements of the list are no objects; they go to quarantine")
        if not document.records:
            findings.notes.append("the list is empty: nothing can be told of its columns and its paging")
        self._prober.records_at = document.records_at
        if said := around.total(answer, document):
            findings.total_path, findings.total = said
        self._columns(seen)
        self._prober.key_field = columns.key_field(document.records, findings.columns, findings.key)
        ids = tuple(columns.identities(document.records, self._prober.key_field))
        if len(set(ids)) < len(ids):
            findings.notes.append(f"{len(ids) - len(set(ids))} records come twice in the first page")
        return msgspec.structs.replace(seen, ids=ids)

    def _columns(self, *pages: Seen) -> None:
        records = [record for page in pages if page.document for record in page.document.records]
        received = max((page.answer.received_us for page in pages if page.answer), default=0)
        findings = self._findings
        findings.columns = columns.infer(records, received)
        chosen = columns.choose_key(findings.columns, len(records))
        findings.key = None if chosen is None else chosen.name
        findings.order = columns.order_of(records, findings.columns, findings.key, received)

    async def _paging(self, plain: Seen, param: str | None, small: Seen | None) -> Found:
        bases = Bases(plain, small, param, self._prober.findings.url, stable=True)
        self._cursor_life(plain, small)
        found = await paging.by_lead(self._prober, bases)
        if found is None:
            if param is None:
                bases = msgspec.structs.replace(bases, stable=await self._is_stable(plain))
            found = await paging.by_parameter(self._prober, bases, self._findings.key)
        if found is None:
            return paging.nothing("nothing that was tried led to other records")
        way = found.paging.paging
        changes: dict[str, object] = {}
        if isinstance(way, OffsetPaging | PageNumberPaging):
            assert plain.document is not None
            if isinstance(way, PageNumberPaging):
                changes["pages"] = around.pages(plain.document)
            if self._findings.total_path is None and not changes.get("pages"):
                changes["short"] = not await paging.ends_with(self._prober, way)
            else:
                changes["short"] = False
        elif isinstance(way, KeysetPaging):
            changes["short"] = False  # behind the last key there is always nothing
        way = msgspec.structs.replace(way, **changes)
        return msgspec.structs.replace(found, paging=msgspec.structs.replace(found.paging, paging=way))

    def _cursor_life(self, *pages: Seen | None) -> None:
        for page in pages:
            if page is None or page.answer is None or page.document is None:
                continue
            for lead in leads(page.answer, page.document, self._findings.url):
                value = next(iter(lead.params.values()), None) if isinstance(lead, Lead) else None
                if value is not None and (life := cursors.declared(page.answer, page.document, value)):
                    self._findings.cursor = life
                    return

    def _second(self, plain: Seen, found: Found) -> None:
        findings = self._findings
        findings.paging = found.paging
        assert plain.document is not None
        said = around.has_more(plain.document)
        if found.second is None:
            return
        if said is not None and said[1]:
            findings.has_more = said[0]
        elif said is not None and found.asked.keys() >= {"page"}:
            findings.notes.append(f"`{said[0]}` is false on a page that another one follows: it is not relied on")
        if found.second.ids and not set(found.second.ids) & set(plain.ids):
            self._columns(plain, found.second)
        if found.paging.overlap:
            findings.notes.append(f"{found.paging.overlap} records of the second page were in the first")

    async def _is_stable(self, plain: Seen) -> bool:
        if self._stable is None:
            again = await self._prober.ask({})
            self._pages.append(again)
            self._stable = again.ids == plain.ids
            self._prober.note("the plain address again", "the same records" if self._stable else "other records")
            if not self._stable:
                self._findings.notes.append(
                    "the plain answer changes by itself: only parameters that all records keep to can be told"
                )
        return self._stable

    async def _as_parameter(self, transport: Callable[[Given], Awaitable[HttpxTransport]], param: str) -> None:
        secret = next(iter(self._given.secrets), None)
        if secret is None:
            self._findings.notes.append("no key was given that could be sent as a parameter")
            return
        before = {quota.bucket: quota.limit for quota in self._findings.limits}
        self._prober.use(await transport(Given(params={param: secret})))
        seen = await self._prober.ask({})
        status = 0 if seen.answer is None else seen.answer.status
        after = {quota.bucket: quota.limit for quota in self._findings.limits}
        detail = "the same limits" if before == after else f"other limits: {after} instead of {before}"
        self._findings.auth_variant = AuthVariant(param, status, detail if seen.ok else seen.failure or "refused")


def _refusal(seen: Seen, given: Given, url: str) -> Exception:
    """What the first answer means that is no list."""
    where = f"GET {url}"
    if seen.error is not None:
        seen.error.hint = seen.error.hint or "is the address right, and can it be reached from here?"
        return seen.error
    assert seen.answer is not None
    status = seen.answer.status
    if status in (401, 403):
        scheme = seen.answer.headers.get("www-authenticate", "").partition(" ")[0].lower()
        way = "--bearer-env TOKEN_VARIABLE" if scheme == "bearer" else "--header X-API-Key:KEY_VARIABLE"
        if given.secrets:
            return AuthError(f"{where}: {status}, the API refused {given.source}", hint="is it right, and not expired?")
        return AuthError(
            f"{where}: {status}, the API wants credentials", hint=f"name the variable that has them: {way}"
        )
    try:
        check_status(seen.answer, where=where, key_source=given.source)
    except DatasyncError as error:
        error.hint = error.hint or "what does a browser or curl get there? look at the address and its parameters"
        return error
    return AssertionError(f"{where}: {status}")
