"""How many records a page can be asked for: the parameter that is honoured, and how far."""

from typing import Final

from datasync.discovery.findings import Findings, SizeFound
from datasync.discovery.prober import Prober, Seen
from datasync.envelope import at

NAMES: Final = ("limit", "per_page", "page_size", "pageSize", "size", "count")
SIZES: Final = (100, 500, 1000, 5000, 10_000)

MAX_PAGE: Final = 16 * 1024 * 1024
"""Bytes. A larger page is not worth asking for."""


async def find_parameter(prober: Prober, plain: Seen) -> tuple[str | None, Seen | None]:
    """Ask for one record by each name, and give the name that is honoured with the page of one."""
    if plain.count < 2:
        prober.note("page size", f"{plain.count} records can't show whether fewer come")
        return None, None
    first, *others = NAMES
    found = await _one(prober, plain, first)
    if found is not None:
        return first, found
    seen = await prober.ask(dict.fromkeys(others, 1))
    if seen.ok and seen.count == plain.count:
        prober.note("&".join(f"{name}=1" for name in others), "ignored")
        return None, None
    for name in others:
        if (found := await _one(prober, plain, name)) is not None:
            return name, found
    return None, None


async def grow(prober: Prober, param: str, plain: Seen, findings: Findings) -> None:
    """Ask for larger pages until one is refused, capped, or holds all there is, and write what is known each time."""
    largest, cap, refused = plain.count, None, None
    for size in SIZES:
        if size <= plain.count:
            continue
        if findings.total is not None and plain.count >= findings.total:
            break
        findings.size = SizeFound(param, largest, cap, refused, plain.count)
        seen = await prober.ask({param: size})
        asked = f"{param}={size}"
        if not seen.ok:
            prober.note(asked, f"refused: {seen.failure}")
            refused = size
            break
        if seen.count >= size:
            prober.note(asked, "honoured" if seen.count == size else f"{seen.count} records")
            largest = seen.count
        elif findings.total is not None and seen.count >= findings.total:
            prober.note(asked, f"all {seen.count} records that there are")
            largest = size
            break
        elif _more(seen, findings) is False:
            prober.note(asked, f"{seen.count} records: all that there are, as it seems")
            largest = max(size, largest)
            break
        else:
            prober.note(asked, f"capped without a word at {seen.count}")
            largest = cap = seen.count
            break
        assert seen.answer is not None
        if len(seen.answer.body) * 5 > MAX_PAGE:
            prober.note(asked, f"{len(seen.answer.body):,} bytes: large enough")
            break
    findings.size = SizeFound(param, largest, cap, refused, plain.count)


async def _one(prober: Prober, plain: Seen, name: str) -> Seen | None:
    seen = await prober.ask({name: 1})
    if seen.ok:
        honoured = seen.count == 1
        prober.note(f"{name}=1", "honoured" if honoured else f"ignored: {seen.count} records")
        return seen if honoured else None
    prober.note(f"{name}=1", seen.failure or "refused")
    if seen.answer is None or plain.count <= 10 or not 400 <= seen.answer.status < 500:
        return None
    # It may be known, but not take so little.
    seen = await prober.ask({name: 10})
    honoured = seen.ok and seen.count == 10
    prober.note(f"{name}=10", seen.failure or ("honoured" if honoured else f"ignored: {seen.count} records"))
    return seen if honoured else None


def _more(seen: Seen, findings: Findings) -> bool | None:
    """What the answer says of whether there is more, where it says anything."""
    if findings.has_more is None or seen.document is None:
        return None
    said = at(seen.document.root, findings.has_more)
    return said if isinstance(said, bool) else None
