"""Places in a configuration file, as a person writes them."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys of tables and indexes of arrays, from the file's root."""

ANY: Final = "..."
"""Stands in msgspec's paths for a key of a table that may have any."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_STEP: Final = re.compile(r"\.([A-Za-z_]\w*)|\[(?:(\d+)|\.\.\.)\]")


def text(path: Path, tree: Any = None, below: str = "") -> str:
    """Give `path` as it is written and what is `below`, then the name of the endpoint in `tree` that it is about."""
    written = (
        "".join(f"[{key}]" if isinstance(key, int) else f".{_quoted(key)}" for key in path).removeprefix(".") + below
    )
    if path[:1] == ("endpoint",) and len(path) > 1:
        name = at(tree, (*path[:2], "name"))
        return f"{written} (endpoint `{name}`)" if isinstance(name, str) and name.isprintable() else written
    return written


def parsed(written: str) -> Path:
    """Read a path of msgspec's, like `$.endpoint[0].budget[...]`."""
    steps = (match.groups() for match in _STEP.finditer(written.removeprefix("$")))
    return tuple(key if key is not None else int(index) if index is not None else ANY for key, index in steps)


def at(tree: Any, path: Path) -> Any:
    """Give what stands at `path` in tables and arrays, or None."""
    for key in path:
        if isinstance(key, str) and isinstance(tree, Mapping):
            tree = tree.get(key)
        elif isinstance(key, int) and isinstance(tree, Sequence) and not isinstance(tree, str) and key < len(tree):
            tree = tree[key]
        else:
            return None
    return tree


def _quoted(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key)
