"""Paths as the core writes them, from names and from JSONPaths that have names only, and all elements at the end."""

import re
from collections.abc import Sequence
from typing import Any, Final

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


def lead(jsonpath: str) -> str:
    """The path of the names that a JSONPath begins with, as the core writes it: to what it chooses from."""
    found = _NAMES.match(jsonpath)
    return "" if found is None else path([plain or quoted for plain, quoted in _NAME.findall(found["names"])])


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
