"""Paths into JSON. Part of `tests.reference`."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from tests.reference_json import Value

Step: TypeAlias = str | int
STEP = re.compile(r'(?P<key>[^.\[\]"]+)|\[(?P<item>0|[1-9][0-9]*)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]')


def steps(path: str) -> list[Step]:
    """Take a right path apart."""
    found: list[Step] = []
    pos = 0
    while pos < len(path):
        if path[pos] == "." and found:
            pos += 1
        match = STEP.match(path, pos)
        assert match, path
        if match["item"]:
            found.append(int(match["item"]))
        else:
            found.append(match["key"] or json.loads(match["quoted"]))
        pos = match.end()
    return found


def follow(value: Value, path: Sequence[Step]) -> Iterator[Value]:
    """All values that the path leads to, those that a later equal key replaces among them."""
    if not path:
        yield value
        return
    first, *rest = path
    if isinstance(first, int):
        if first < len(value.items):
            yield from follow(value.items[first], rest)
        return
    for key, member in value.members:
        if key == first:
            yield from follow(member, rest)


def at(value: Value, path: Sequence[Step]) -> Value | None:
    """The value that counts: of equal keys the last."""
    for step in path:
        if isinstance(step, int):
            found = value.items[step : step + 1]
        else:
            found = tuple(member for name, member in value.members if name == step)
        if not found:
            return None
        value = found[-1]
    return value
