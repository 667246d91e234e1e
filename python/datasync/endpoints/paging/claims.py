"""What an answer says of pages that follow it, whatever the configuration looks at."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from datasync.endpoints.paging import words
from datasync.http.links import find_link
from datasync.http.transport import Answer
from datasync.jsonpaths import path

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DEPTH: Final = 3
"""Levels of objects in which claims are looked for, as discovery does."""


class Claim(NamedTuple):
    """A member or header that seems to speak of more.

    Attributes:
        place: where it stands, for people.
        certain: no answer with such a word is the only page. Else it may be an echo of the request.
        counts: it is a number of records or pages: what it counts may be more than what was asked for.
    """

    place: str
    certain: bool = True
    counts: bool = False


def envelope(body: bytes) -> Any:
    """What stands around a page's records, arrays as bytes; None where a body is no JSON object.

    The records are passed over, not decoded.
    """
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
        return None
    try:
        return _objects(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:  # the core forgives a page more than the strict decoder does
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None


def claims(answer: Answer, page: Any, records: int, at: str = "") -> list[Claim]:
    """Give what an answer with so many records at `at` says of more, the plainest first. `page` is its `envelope`."""
    found = [*_of_headers(answer.headers, records), *_of_members(page, records, at)]
    return sorted(found, key=lambda claim: (not claim.certain, claim.counts))


def denies(page: Any, at: str = "") -> bool:
    """Whether a member of an `envelope` says that there is no more, and none that there is."""
    told = [value for keys, value in _around(page, at) if isinstance(value, bool) and words.named(keys) in words.MORE]
    return bool(told) and not any(told)


def arrays(page: Any) -> list[str]:
    """Give the paths of the arrays in an `envelope`, nearest first."""
    return [path(keys) for keys, value in _walk(page) if isinstance(value, msgspec.Raw | list)]


def _objects(text: bytes | msgspec.Raw) -> Any:
    found: dict[str, Any] = {}
    for key, raw in _MEMBERS.decode(text).items():
        begin = bytes(memoryview(raw)[:1])
        found[key] = _objects(raw) if begin == b"{" else raw if begin == b"[" else msgspec.json.decode(raw)
    return found


def _walk(page: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    level: list[tuple[tuple[str, ...], Any]] = [((), page)]
    for _ in range(_DEPTH):
        level = [
            ((*keys, key), member)
            for keys, value in level
            if isinstance(value, dict)
            for key, member in value.items()
            if key and key.isprintable()
        ]
        yield from level


def _around(page: Any, at: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The members, but for those of objects with a list of their own: what they say is of that list."""
    lists = [keys[:-1] for keys, value in _walk(page) if isinstance(value, msgspec.Raw | list)]
    others = [keys for keys in lists if keys and not f"{at}.".startswith((f"{path(keys)}.", f"{path(keys)}["))]
    for keys, value in _walk(page):
        if not any(keys[: len(other)] == other for other in others):
            yield keys, value


def _of_members(page: Any, records: int, at: str) -> Iterator[Claim]:
    for keys, value in _around(page, at):
        name, place = words.named(keys), f"`{path(keys)}`"
        if isinstance(value, bool):
            if value and name in words.MORE:
                yield Claim(f"{place} is true")
        elif words.is_url(value):
            if name in words.URLS:
                yield Claim(f"{place} has a link")
        elif name in words.CURSORS and words.is_cursor(value) and value != 0:
            yield Claim(f"{place} looks like a cursor", certain=name.startswith("next"))
        elif isinstance(value, int) and name in words.TOTALS and value > records:
            yield Claim(f"{place} is {value}", certain=name != "count", counts=True)
        elif isinstance(value, int) and name in words.PAGES and value > 1:
            yield Claim(f"{place} is {value}", counts=True)


def _of_headers(headers: Mapping[str, str], records: int) -> Iterator[Claim]:
    if find_link(headers.get("link", ""), "next") is not None:
        yield Claim("the header `Link` has a `next`")
    for name, value in headers.items():
        bare = words.plain(name)
        if value.strip() and any(word in bare for word in words.CURSOR_HEADERS) and "ttl" not in bare:
            yield Claim(f"the header `{name}` looks like a cursor", certain="next" in bare or "continuation" in bare)
        elif name in words.TOTAL_HEADERS and words.is_count(value) and int(value) > records:
            yield Claim(f"the header `{name}` is {value}", counts=True)
