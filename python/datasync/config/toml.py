"""Writes TOML; Python only reads it."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def dumps(tree: Mapping[str, Any]) -> str:
    """Write tables, arrays, text, numbers and booleans as TOML; `tomllib` reads back what was given.

    Tables at the top and arrays of tables have headers of their own; what is deep inside stands in one line.

    Raises:
        TypeError: it holds something else.
    """
    return "\n".join(_table(tree, ())).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    # Values first: what stands behind a header belongs to it.
    inner = {key: value for key, value in table.items() if len(path) < 3 and _has_header(value)}
    for key, value in table.items():
        if key not in inner:
            yield from _value(key, value)
    for key, value in inner.items():
        written = ".".join(map(written_key, (*path, key)))
        for one in value if isinstance(value, list) else [value]:
            if isinstance(value, list) or len(path) == 2 or not all(map(_has_header, one.values())):
                yield ""
                yield f"[[{written}]]" if isinstance(value, list) else f"[{written}]"
            yield from _table(one, (*path, key))


def _has_header(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, Mapping) and any(map(_has_header, one.values())) for one in value)
    return isinstance(value, Mapping) and bool(value)


def _value(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        yield f"{written_key(key)} = ["
        yield from (f"  {inline(one)}," for one in value)
        yield "]"
    else:
        yield f"{written_key(key)} = {inline(value)}"


def inline(value: Any) -> str:
    """Write a value in one line.

    Raises:
        TypeError: TOML has no such value.
    """
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for pairs of surrogates and the one control character that JSON leaves.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{written_key(key)} = {inline(one)}" for key, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    raise TypeError(f"TOML has no {type(value).__name__}")


def written_key(key: str) -> str:
    """Write a key, in quotes where it needs them."""
    return key if _BARE.fullmatch(key) else inline(key)
