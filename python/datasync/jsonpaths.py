"""JSONPaths that the core can follow: names only, and all elements at the end."""

import re
from typing import Final

import msgspec

_NAMES: Final = re.compile(
    r"""\$(?P<names>(?:\.[A-Za-z_][A-Za-z0-9_]*|\[(?:"[^"\\\]]*"|'[^'"\\\]]*')\])*)(?:\[\*\]|\.\*)?"""
)
_NAME: Final = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_]*)|\[["']([^\]]*)["']\]""")


def plain(path: str) -> str:
    """The path as the core writes them, for `$.data.items[*]` and the like; what only JSONPath can say as it is."""
    found = native(path) if path.startswith("$") else path
    return path if found is None else found


def native(path: str) -> str | None:
    """See `plain`; None for what only JSONPath can say."""
    found = _NAMES.fullmatch(path)
    if found is None:
        return None
    names = [plain or quoted for plain, quoted in _NAME.findall(found["names"])]
    return "".join(f"[{msgspec.json.encode(name).decode()}]" for name in names)
