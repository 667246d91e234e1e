"""What a decoded page says of the next one, by paths as in `model.Column`. The core does the same with bytes."""

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from datasync.errors import PageDamaged

_MOST: Final = 2**63 - 1
"""What a sink can store."""

_STEP: Final = re.compile(r'\["(?P<odd>(?:[^"\\]|\\.)*)"\]|\[(?P<item>\d+)\]|\.?(?P<key>[^.\[\]"]+)')


def first(path: str) -> str | None:
    """The name that a path begins with; None where it is the whole, or begins with an element."""
    step = _STEP.match(path)
    if step is None or step["item"] is not None:
        return None
    return step["key"] if step["odd"] is None else str(msgspec.json.decode(f'"{step["odd"]}"'))


def at(page: object, path: str) -> Any:
    """The value at `path`; None where there is none."""
    for step in _STEP.finditer(path):
        if step["item"] is not None:
            place = int(step["item"])
            page = page[place] if isinstance(page, list) and place < len(page) else None
        else:
            key = step["key"] if step["odd"] is None else msgspec.json.decode(f'"{step["odd"]}"')
            page = page.get(key) if isinstance(page, dict) else None
    return page


def holds(page: object, path: str) -> bool:
    """Whether there is a value at `path`, be it null."""
    steps = list(_STEP.finditer(path))
    if not steps:
        return True
    last = steps[-1]
    parent = at(page, path[: last.start()])
    if last["item"] is not None:
        return isinstance(parent, list) and int(last["item"]) < len(parent)
    key = last["key"] if last["odd"] is None else msgspec.json.decode(f'"{last["odd"]}"')
    return isinstance(parent, dict) and key in parent


def cursor(page: object, path: str | None) -> str | None:
    """The next cursor; a number as it is written."""
    found = None if path is None else at(page, path)
    if found is None or (isinstance(found, str | int | Decimal) and not isinstance(found, bool)):
        return None if found is None else str(found)
    raise _wrong(path, "no string")


def flag(page: object, path: str | None) -> bool | None:
    """Whether there is more."""
    found = None if path is None else at(page, path)
    if found is None or isinstance(found, bool):
        return found
    raise _wrong(path, "neither true nor false")


def count(page: object, path: str | None) -> int | None:
    """The number of all records."""
    found = None if path is None else at(page, path)
    if found is None or (isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= _MOST):
        return found
    raise _wrong(path, "no count")


def _wrong(path: str | None, what: str) -> PageDamaged:
    return PageDamaged(f"what the page has at `{path}` is {what}")
