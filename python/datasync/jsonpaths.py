"""Paths as the core writes them, from names and from JSONPaths that have names only, and all elements at the end."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Final, NamedTuple

import msgspec

_NAMES: Final = re.compile(
    r"""\$(?P<names>(?:\.[A-Za-z_][A-Za-z0-9_]*|\[(?:"[^"\\\]]*"|'[^'"\\\]]*')\])*)(?:\[\*\]|\.\*)?"""
)
_NAME: Final = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_]*)|\[["']([^\]]*)["']\]""")
_PLAIN: Final = re.compile(r"[A-Za-z_-][A-Za-z0-9_-]*")


def plain(path: str) -> str:
    """The path as the core writes them, for `$.data.items[*]` and the like; what only JSONPath can say as it is."""
    found = native(path) if path.startswith("$") else path
    return path if found is None else found


def native(jsonpath: str) -> str | None:
    """See `plain`; None for what only JSONPath can say."""
    found = _NAMES.fullmatch(jsonpath)
    if found is None:
        return None
    return path([plain or quoted for plain, quoted in _NAME.findall(found["names"])])


class Shape(NamedTuple):
    """What a JSONPath says of the lists that it goes through.

    Attributes:
        stem: path of the names that it begins with, as the core writes it.
        lead: the same with elements by number, to where it first chooses among several.
        chooses: it does choose.
        nested: it chooses more than once, or at any depth: there may be lists in lists.
    """

    stem: str
    lead: str
    chooses: bool
    nested: bool


def shape(jsonpath: str) -> Shape:
    """Tell what a JSONPath goes through.

    Raises:
        ValueError: it is none.
    """
    segments = [(str(one).startswith(".."), one.selectors) for one in compiled(jsonpath).segments]
    steps: list[str | int | None] = [None if deep else _single(selectors) for deep, selectors in segments]
    choices = steps.count(None)
    singles = steps[: steps.index(None)] if choices else steps
    names = [step for step in takewhile(lambda step: isinstance(step, str), singles) if isinstance(step, str)]
    lead = path(names)
    for step in singles[len(names) :]:
        lead += f"[{step}]" if isinstance(step, int) else f"[{msgspec.json.encode(step).decode()}]"
    return Shape(path(names), lead, choices > 0, choices > 1 or any(deep for deep, _ in segments))


def _single(selectors: Sequence[Any]) -> str | int | None:
    """The name, or the place from the front, that a segment goes on with; None where it may go on with several."""
    name, place = getattr(selectors[0], "name", None), getattr(selectors[0], "index", None)
    if len(selectors) > 1 or (place is not None and place < 0):
        return None
    return place if name is None else str(name)


def compiled(jsonpath: str) -> Any:
    """What finds the nodes of an RFC 9535 JSONPath, by `findall`.

    Raises:
        ValueError: it is none.
    """
    import jsonpath as library  # noqa: PLC0415  # 50 ms that few runs need

    try:
        return library.compile(jsonpath, strict=True)
    except library.JSONPathError as error:
        raise ValueError(str(error).splitlines()[0]) from error


def path(names: Sequence[str]) -> str:
    """The path to a member of members, as in `model.Column`, whatever characters their names have."""
    text = ""
    for name in names:
        if _PLAIN.fullmatch(name):
            text += f".{name}" if text else name
        else:
            text += f"[{msgspec.json.encode(name).decode()}]"
    return text
