"""Paths and parameters that can't be: refused before a run, with their place and what to do."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from datasync.config import keys
from datasync.errors import ConfigError
from tests.config_trees import read, tree

WINDOW = {"kind": "window", "since_param": "cursor", "until_param": "to", "start": "2024-01-01"}


def refused(folder: Path, path: keys.Path, value: Any) -> tuple[str, str]:
    """Put `value` at `path` of the endpoint `orders`, and give the message behind its file, and the hint."""
    content = deepcopy(tree())
    keys.at(content, ("endpoint", 0, *path[:-1]))[path[-1]] = value
    with pytest.raises(ConfigError) as caught:
        read(content, folder, {"THERE": "x"})
    assert caught.value.code == "config"
    return str(caught.value).removeprefix(f"{folder / 'datasync.toml'}: endpoint[0]."), caught.value.hint or ""


@pytest.mark.parametrize(
    ("path", "value", "place", "wrong", "hint"),
    [
        (("records",), "data..items", "records", "is no path: `data..items`", "JSONPath"),
        (("paging", "total"), "header: ", "paging.total", "names no header", "`header:X-Total-Count`"),
        (("paging", "next"), "meta[", "paging.next", "is no path: `meta[`", "`meta.next`"),
        (("paging",), {**WINDOW, "inner": {"kind": "page", "pages": "a."}}, "paging.inner.pages", "is no path", "dots"),
        (
            ("table", "columns", 0),
            {"name": "id", "key": True, "path": "a["},
            "table.columns[0].path",
            "is no path: `a[`",
            "called like the column",
        ),
        (("table", "children", 0, "path"), "a..b", "table.children[0].path", "is no path: `a..b`", "joined by dots"),
    ],
)
def test_what_is_no_path_is_refused_with_its_key(
    tmp_path: Path, path: keys.Path, value: Any, place: str, wrong: str, hint: str
) -> None:
    said, what_to_do = refused(tmp_path, path, value)
    assert said.startswith(f"{place} (endpoint `orders`): {wrong}")
    assert hint in what_to_do


@pytest.mark.parametrize(
    ("records", "word", "where"),
    [("data", "data.next", "at `data`"), ("data", "data", "at `data`"), ("", "next", "which are the whole body")],
)
def test_a_word_of_the_page_that_would_stand_in_its_records_is_refused(
    tmp_path: Path, records: str, word: str, where: str
) -> None:
    content: dict[str, Any] = deepcopy(tree())
    content["endpoint"][0] |= {"records": records, "paging": {"kind": "cursor", "next": word}}
    with pytest.raises(ConfigError) as caught:
        read(content, tmp_path, {"THERE": "x"})
    assert f"paging.next (endpoint `orders`): leads into the records, {where}" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "place", "wrong"),
    [
        (("paging",), {"kind": "page", "first": -5}, "paging.first", "is -5"),
        (("paging",), {"kind": "offset", "start": -1}, "paging.start", "is -1"),
        (
            ("paging",),
            {"kind": "offset", "param": "limit"},
            "paging.size_param",
            "is the same parameter as `param`: `limit`",
        ),
        (
            ("paging",),
            {**WINDOW, "inner": {"kind": "cursor", "next": "n"}},
            "paging.since_param",
            "is a parameter of `inner`, too: `cursor`",
        ),
        (("incremental", "param"), "after", "incremental.param", "is a parameter of `paging`, too: `after`"),
    ],
)
def test_a_start_that_no_page_has_and_a_parameter_for_two_things_are_refused(
    tmp_path: Path, path: keys.Path, value: Any, place: str, wrong: str
) -> None:
    said, what_to_do = refused(tmp_path, path, value)
    assert said.startswith(f"{place} (endpoint `orders`): {wrong}")
    assert what_to_do


def test_a_size_that_is_not_sent_takes_no_parameter(tmp_path: Path) -> None:
    content: dict[str, Any] = deepcopy(tree())
    content["endpoint"][0]["paging"] = {"kind": "cursor", "next": "n", "param": "limit"}
    assert read(content, tmp_path, {"THERE": "x"}).endpoints[0].paging.size is None
