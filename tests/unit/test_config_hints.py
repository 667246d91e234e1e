"""Mistakes that were answered without a hint, or with one that leads nowhere; and what must not pass for right."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from datasync.config import file
from datasync.errors import ConfigError
from tests.config_trees import read

SMALL: dict[str, Any] = {
    "api": {"base_url": "http://h"},
    "sink": {"kind": "postgres", "url": "postgresql://h/d"},
    "endpoint": [{"name": "a", "path": "/a"}],
}


def refused(folder: Path, **more: Any) -> tuple[str, str]:
    content = deepcopy(SMALL) | more
    with pytest.raises(ConfigError) as caught:
        read({key: value for key, value in content.items() if value is not None}, folder)
    return str(caught.value).removeprefix(f"{folder / 'datasync.toml'}: "), caught.value.hint or ""


def endpoint(**more: Any) -> dict[str, Any]:
    return {**SMALL["endpoint"][0], **more}


def columns(*found: str, **more: Any) -> dict[str, Any]:
    return endpoint(table={"name": "t", "columns": list(found)}, **more)


@pytest.mark.parametrize(
    ("more", "message", "hint"),
    [
        ({"api": None}, "api: is missing", "`[api]` with a `base_url`"),
        ({"sink": None}, "sink: is missing", "duckdb"),
        ({"endpoint": None}, "endpoint: is missing", "`[[endpoint]]`"),
        ({"api": {}}, "api.base_url: is missing", "docs/configuration.md"),
        ({"max_rejects": "a"}, "max_rejects: is text where a number", "without quotes"),
        ({"endpoint": [endpoint(path=5)]}, "endpoint[0].path (endpoint `a`): is a whole number", "in quotes"),
        ({"endpoint": [endpoint(transforms="x")]}, "endpoint[0].transforms (endpoint `a`): is text", '["a", "b"]'),
        (
            {"endpoint": [endpoint(table={"on_conflict": "update_if_newer:x", "columns": ["id key"]})]},
            "endpoint[0].table.on_conflict (endpoint `a`): names no column beside the key: `x`",
            "add one",
        ),
        (
            {"sink": {"kind": "parquet", "folder": "-"}},
            "sink.folder: is no folder: `-`",
            "only `jsonl`",
        ),
        ({"sink": {"kind": "duckdb", "path": ":memory:"}}, "sink.path: is no file: `:memory:`", "my.duckdb"),
        (
            {"endpoint": [endpoint(name="cursor_state")]},
            "endpoint[0].table.name (endpoint `cursor_state`): is a table of datasync's own",
            "another",
        ),
        (
            {"endpoint": [columns("id key", "xmin")]},
            "endpoint[0].table.columns[1].name (endpoint `a`): can't be the name of a column: `xmin`",
            '`path = "xmin"`',
        ),
        (
            {"endpoint": [columns("id key", "x"), columns("id key", "x bigint", name="b")]},
            "endpoint[1].table.columns[1].type (endpoint `b`): is bigint, and `a` has it in the same table as text",
            "one type",
        ),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(tmp_path: Path, more: dict[str, Any], message: str, hint: str) -> None:
    said, what_to_do = refused(tmp_path, **more)
    assert said.startswith(message)
    assert hint in what_to_do


@pytest.mark.parametrize("sink", ["jsonl", {"kind": "parquet", "folder": "./-"}])
def test_a_file_may_be_called_as_a_table_of_ours_and_a_folder_as_a_dash(tmp_path: Path, sink: Any) -> None:
    assert read(SMALL | {"sink": sink, "endpoint": [endpoint(name="cursor_state")]}, tmp_path)


@pytest.mark.parametrize(
    "text", ["[api]\nbase_url = 'a'\nbase_url = 'b'\n", "[api]\n[sink]\n[api]\n", "a = 1\n[a]\n", "[a]\nb = 1\n[a.b]\n"]
)
def test_a_key_that_stands_there_twice_is_called_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        file.read(path, {})
    assert "second time" in (caught.value.hint or "")


def test_a_datasync_toml_that_is_a_folder_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasync.toml").mkdir()
    found = file.find({})
    assert found is not None
    with pytest.raises(ConfigError, match="Is a directory") as caught:
        file.read(found, {})
    assert caught.value.hint
