"""The catalogue of faults, and which tests show each of them."""

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

import msgspec

TESTS = Path(__file__).parents[1]


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See catalogue.toml.

    Attributes:
        faults: short names by number.
        reasons: why a fault has no test, by number.
    """

    faults: dict[int, str]
    reasons: dict[int, str]


def load() -> Catalogue:
    found = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text())
    return msgspec.convert(found, Catalogue, strict=False)


def marked() -> dict[int, list[str]]:
    """The places that carry each number, read from the sources: nothing is run or imported.

    A number must be written out in its marker.
    """
    places: dict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("mark.fault"):
                continue
            place = f"{path.relative_to(TESTS)}:{node.lineno}"
            for argument in node.args:
                assert isinstance(argument, ast.Constant), place
                assert isinstance(argument.value, int), place
                places[argument.value].append(place)
    return places
