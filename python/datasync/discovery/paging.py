"""How a page leads to the next: each way is tried, and believed only if other records came by it."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from datasync.config.spec import KeysetPaging, NoPaging, OffsetPaging, PageNumberPaging, Paging
from datasync.discovery.findings import PagingFound
from datasync.discovery.leads import Ask, Elsewhere, leads
from datasync.discovery.prober import Prober, Seen

Verdict: TypeAlias = Literal["other records", "overlapping", "the same records", "no records", "no page"]

FAR: Final = 1_000_000
"""A page or offset beyond the end."""

_OFFSETS: Final = ("offset", "skip", "start")
_KEYSETS: Final = ("after", "starting_after", "since_id", "after_id", "last_id")


class Bases(msgspec.Struct, frozen=True):
    """Pages that others are compared with.

    Attributes:
        plain: asked for nothing in particular.
        small: asked for one record; None where the API can't be asked so.
        size_param: that did it.
        url: of the list.
        stable: the plain answer came again as it was.
    """

    plain: Seen
    small: Seen | None
    size_param: str | None
    url: str
    stable: bool


class Found(msgspec.Struct, frozen=True):
    """The paging, the second page, and what was asked with for it."""

    paging: PagingFound
    second: Seen | None = None
    asked: Ask = {}


def compare(first: Seen, second: Seen) -> tuple[Verdict, int]:
    """Say how a page differs from the one before, and give the number of records that are in both."""
    if not second.ok:
        return "no page", 0
    if not second.count:
        return "no records", 0
    both = len(set(first.ids) & set(second.ids))
    if not both:
        return "other records", 0
    # A cursor that includes its own record, or records that came meanwhile: most are new.
    return ("overlapping", both) if both * 2 < second.count else ("the same records", both)


async def by_lead(prober: Prober, bases: Bases) -> Found | None:
    """Follow what the answers have that may lead on: links and cursors, in body and headers."""
    for base in filter(None, (bases.plain, bases.small)):
        assert base.answer is not None
        assert base.document is not None
        for lead in leads(base.answer, base.document, bases.url):
            if isinstance(lead, Elsewhere):
                prober.note(f"follow {lead.seen}", f"not followed: {lead.why}")
                continue
            asked = {**base.params, **lead.params}
            second = await prober.ask(asked, url=lead.url)
            verdict, both = compare(base, second)
            param = f" as `{next(iter(lead.params))}`" if lead.params else ""
            prober.note(f"follow {lead.seen}{param}", second.failure or verdict)
            if verdict in ("other records", "overlapping"):
                why = f"{lead.seen}{param} gave {second.count} records, {both} of them seen before"
                return Found(PagingFound(lead.paging, "verified", why, both), second, asked)
    return None


async def by_parameter(prober: Prober, bases: Bases, key: str | None) -> Found | None:
    """Ask for page 2, for an offset, and for what follows a key."""
    plain = bases.plain
    # Without a size nothing says which records must come, only that they must be others.
    if plain.count < 2 or not (bases.size_param or bases.stable):
        return None
    size = max(1, plain.count // 3) if bases.size_param else plain.count
    with_size: Ask = {bases.size_param: size} if bases.size_param else {}
    if found := await _by_page(prober, bases, size, with_size):
        return found
    offsets: list[tuple[Paging, Ask]] = [(OffsetPaging(param=name), {name: size}) for name in _OFFSETS]
    keysets: list[tuple[Paging, Ask]] = []
    if key is not None and prober.key_field is not None and plain.document is not None:
        value = plain.document.records[size - 1][prober.key_field]
        keysets = [(KeysetPaging(param=name), {name: value}) for name in _KEYSETS]
    for candidates in (offsets, keysets):
        async for paging, asked in _that_react(prober, bases, candidates, with_size, size):
            second = await prober.ask({**asked, **with_size})
            if _goes_on(bases, second, size):
                if bases.size_param and isinstance(paging, OffsetPaging) and _from_one(plain, second, size):
                    paging = msgspec.structs.replace(paging, start=1)  # noqa: PLW2901 - the same, known better
                why = f"{_shown(asked)} gave the {second.count} records that follow"
                prober.note(_shown(asked), "the records that follow")
                return Found(PagingFound(paging, "verified", why), second, asked)
            prober.note(_shown(asked), second.failure or compare(plain, second)[0])
    return None


async def ends_with(prober: Prober, paging: Paging) -> bool:
    """Whether the API answers an empty page beyond its end; else only a short page can tell that it is the last."""
    assert isinstance(paging, OffsetPaging | PageNumberPaging)
    beyond = await prober.ask({paging.param: FAR})
    prober.note(f"{paging.param}={FAR}", beyond.failure or f"{beyond.count} records")
    return beyond.ok and not beyond.count


def nothing(why: str) -> Found:
    """No way was found."""
    return Found(PagingFound(NoPaging(), "guess", why))


async def _by_page(prober: Prober, bases: Bases, size: int, with_size: Ask) -> Found | None:
    plain = bases.plain
    second = await prober.ask({"page": 2, **with_size})
    first = 1
    if bases.size_param:
        # What page 2 must hold is known, whether they are counted from 1 or from 0.
        parts = {1: plain.ids[size : 2 * size], 0: plain.ids[2 * size : 3 * size]}
        numbers = [number for number, ids in parts.items() if _mostly(second.ids, ids)]
        if not numbers:
            prober.note("page=2", second.failure or _not_next(plain, second))
            return None
        first = numbers[0]
    else:
        verdict, _ = compare(plain, second)
        prober.note("page=2", second.failure or verdict)
        if verdict != "other records":
            return None
        one = await prober.ask({"page": 1})
        verdict, _ = compare(plain, one)
        prober.note("page=1", one.failure or verdict)
        if verdict not in ("the same records", "other records"):
            return None
        first = 1 if verdict == "the same records" else 0
    why = "page=2 gave the records that follow" if first else "page=2 gave the third page: they are counted from 0"
    return Found(PagingFound(PageNumberPaging(first=first), "verified", why), second, {"page": 2})


async def _that_react(
    prober: Prober, bases: Bases, candidates: Sequence[tuple[Paging, Ask]], with_size: Ask, size: int
) -> AsyncIterator[tuple[Paging, Ask]]:
    """Ask with all of them at once; only if something changes each is worth a request of its own."""
    if len(candidates) > 1:
        together = {name: value for _, asked in candidates for name, value in asked.items()}
        seen = await prober.ask({**together, **with_size})
        if seen.ids == bases.plain.ids[:size]:
            prober.note(_shown(together), "ignored")
            return
    for candidate in candidates:
        yield candidate


def _goes_on(bases: Bases, second: Seen, size: int) -> bool:
    if bases.size_param:
        return _mostly(second.ids, bases.plain.ids[size : 2 * size])
    return compare(bases.plain, second)[0] == "other records"


def _mostly(ids: Sequence[str], expected: Sequence[str]) -> bool:
    """Whether these are the expected records, but for a few: a feed may grow or change while it is asked."""
    return len(set(ids) & set(expected)) * 2 > max(len(ids), len(expected))


def _from_one(plain: Seen, second: Seen, size: int) -> bool:
    """Whether the offset that skips `size` records gives the last of them: it is counted from 1."""
    return size > 1 and second.ids == plain.ids[size - 1 : 2 * size - 1]


def _not_next(plain: Seen, second: Seen) -> str:
    return "ignored" if second.ids == plain.ids[: second.count] else "not the records that follow"


def _shown(asked: Ask) -> str:
    return "&".join(f"{name}={value}" for name, value in asked.items())
