"""Links to the next page: in `Link` headers (RFC 8288), and in URLs that carry what we must not keep."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_plus

import httpx

# RFC 8288 section 3, with the white space that servers put anywhere. httpx's own reader, which is requests', cuts
# quoted parameters at `;` and takes several relation types for one.
_TARGET: Final = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER: Final = re.compile(
    r"\s*;\s*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?)?", re.DOTALL
)
_LINK: Final = re.compile(f"{_TARGET.pattern}(?:{_PARAMETER.pattern})*", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def find_link(header: str, rel: str) -> str | None:
    """Give the target of the first link with the relation type `rel`, as it is written; None if there is none.

    A link may have several types. One with an `anchor` speaks of another page than the one that was asked for.
    """
    for target, parameters in _links(header):
        types = parameters.get("rel", "").lower().split()
        if rel.lower() in types and "anchor" not in parameters:
            return target
    return None


def unread(header: str) -> str:
    """What of the header is part of no link."""
    return _LINK.sub("", header)


def _links(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    place = 0
    while (found := _TARGET.match(header, place)) is not None:
        target, place = found[1].strip(), found.end()
        parameters: dict[str, str] = {}
        while (part := _PARAMETER.match(header, place)) is not None:
            place = part.end()
            if part[1] is not None:
                value = (part[3] or "").strip("'") if part[2] is None else _ESCAPED.sub(r"\1", part[2])
                parameters.setdefault(part[1].lower(), value)  # of the same name the first counts
        yield target, parameters
        # Behind a link comes a comma; what else stands there is skipped.
        comma = header.find(",", place)
        if comma < 0:
            return
        place = comma


def without_param(url: httpx.URL, name: str) -> httpx.URL:
    """Give `url` without a parameter of its query; what else is in it stays as it is written."""
    parts = url.query.decode("ascii").split("&")
    kept = [part for part in parts if unquote_plus(part.partition("=")[0]) != name]
    if len(kept) == len(parts):
        return url
    return url.copy_with(query="&".join(kept).encode() or None)
