import re
import subprocess
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config import keys, spec
from datasync.config.jsonschema import DIALECT, schema
from tests.config_trees import AUTHS, PAGINGS, SINKS, tables, tree
from tests.schema import complaints

ROOT = Path(__file__).parents[2]
SCHEMA = schema()

# A table that says nothing but its kind, or that leaves its kind to [defaults], is written out.
TREES = st.builds(
    tree, st.integers(0, len(AUTHS) - 1), st.integers(0, len(SINKS) - 1), st.integers(0, len(PAGINGS) - 1)
).map(deepcopy)


WHOLE = "docs/configuration.md"
"""Blocks of other documents show what they speak of alone."""
REST: dict[str, Any] = {
    "api": {"base_url": "https://api.example.com"},
    "sink": {"kind": "jsonl"},
    "endpoint": [{"name": "things"}],
}


def completed(name: str, text: str) -> dict[str, Any]:
    """A configuration; what a block of a document leaves out is filled in."""
    found = tomllib.loads(text)
    if ".md " not in name or name.startswith(WHOLE):
        return found
    if isinstance(part := found.get("endpoint"), dict):  # `[endpoint.table]` without the `[[endpoint]]` before it
        found["endpoint"] = [REST["endpoint"][0] | part]
    return REST | found | {"api": REST["api"] | found.get("api", {})}


def examples() -> list[tuple[str, str]]:
    """Every configuration in the repository: files, and blocks of documents."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md", "*.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = []
    for name in sorted(listed.stdout.split()):
        text = (ROOT / name).read_text()
        blocks = re.findall(r"^```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) if name.endswith(".md") else [text]
        found += [
            (f"{name} {number}", block)
            for number, block in enumerate(blocks)
            if {"api", "endpoint"} & set(tomllib.loads(block))
        ]
    return found


@pytest.mark.parametrize(("name", "text"), examples(), ids=[name for name, _ in examples()])
def test_every_configuration_in_the_repository_fits_the_schema(name: str, text: str) -> None:
    assert list(complaints(completed(name, text), SCHEMA, SCHEMA)) == []


def test_there_are_examples() -> None:
    assert any(name.startswith(WHOLE) for name, _ in examples())


@given(TREES)
def test_what_is_read_fits_the_schema(content: dict[str, Any]) -> None:
    assert list(complaints(content, SCHEMA, SCHEMA)) == []


@given(TREES, st.data())
def test_an_unknown_key_does_not_fit_the_schema(content: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(tables(content))))
    keys.at(content, path)["unknown"] = 1
    assert list(complaints(content, SCHEMA, SCHEMA))


@pytest.mark.parametrize("short", [{"auth": "none"}, {"auth": {"kind": "bearer", "token": {"env": "A"}}}])
def test_short_forms_fit_and_only_where_nothing_else_is_needed(short: dict[str, Any]) -> None:
    endpoint = {"name": "a", "paging": "link", "table": {"columns": ["id uuid key", "p double precision required"]}}
    content = {"api": {"base_url": "http://h", **short}, "sink": "jsonl", "endpoint": [endpoint]}
    assert list(complaints(content, SCHEMA, SCHEMA)) == []
    for wrong in ({"paging": "cursor"}, {"table": {"columns": ["id uuuid"]}}):
        assert list(complaints(content | {"endpoint": [endpoint | wrong]}, SCHEMA, SCHEMA))


def test_the_schema_is_whole_json_and_says_what_keys_mean() -> None:
    assert msgspec.json.decode(msgspec.json.encode(SCHEMA)) == SCHEMA
    assert SCHEMA["title"] == "datasync.toml"
    assert SCHEMA["$schema"] == DIALECT
    assert SCHEMA["$defs"]["OffsetPaging"]["properties"]["short"]["description"].startswith("a page with fewer")
    assert SCHEMA["$defs"]["EndpointSpec"]["properties"]["body"]["description"].startswith("of the requests.")
    assert SCHEMA["$defs"]["Renewal"]["properties"]["lifetime"]["description"].startswith("duration that a cursor")
    policy = SCHEMA["$defs"]["TimestampPolicy"]["properties"]
    assert policy["assume_tz"]["description"].startswith("zone of values that name none")
    structs = {name for name in spec.__all__ if isinstance(getattr(spec, name), type)}
    assert structs <= set(SCHEMA["$defs"])
    assert not [name for name in structs if not SCHEMA["$defs"][name].get("description")]
