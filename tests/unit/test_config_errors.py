"""What each mistake in a configuration is answered with."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from datasync.config import file, keys
from datasync.errors import ConfigError
from tests.config_trees import read, tree

ORDERS = "(endpoint `orders`)"


def refused(folder: Path, path: keys.Path, value: Any) -> tuple[str, str]:
    """Put `value` at `path`, and give the message and the hint."""
    content = deepcopy(tree())
    parent = keys.at(content, path[:-1])
    if value is None:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    with pytest.raises(ConfigError) as caught:
        read(content, folder, {"THERE": "x"})
    assert caught.value.code == "config"
    return str(caught.value).removeprefix(f"{folder / 'datasync.toml'}: "), caught.value.hint or ""


@pytest.mark.parametrize(
    ("path", "value", "message", "hint"),
    [
        (("api", "base_url"), None, "api.base_url: is missing", ""),
        (("api", "base_url"), "ftp://x", "api.base_url: is not an http(s) URL", "https://host/api/v1"),
        (("api", "auth"), "beaver", "api.auth.kind: can't be `beaver`", "is bearer meant? it is one of none, header"),
        (("api", "auth", "key"), 5, "api.auth.key: a secret is text", ""),
        (("api", "auth", "key"), {"env": "A", "file": "b"}, "api.auth.key: a secret is text", ""),
        (("api", "auth", "header"), {"env": "THERE"}, "api.auth.header: is a secret where text is wanted", "${NAME}"),
        (("api", "auth", "header"), "Host", "api.auth.header: is malformed", "X-API-Key"),
        (("api", "auth", "key"), "a\nb", "api.auth.key: is empty, too long, or has", "line break"),
        (("api", "headers"), {"X A": "b"}, 'api.headers."X A": is malformed', ""),
        (("api", "retry_for"), "15 minutes", "api.retry_for: is no duration: `15 minutes`", "1h30m"),
        (("api", "retry_for"), "inf", "api.retry_for: has no end", "1h30m"),
        (("api", "timeout"), 0, "api.timeout: is 0", ""),
        (("api", "budget"), "fast", "api.budget: names no budget: `fast`", "[budget.fast]"),
        (("budget", "slow", "concurrency"), 0, "budget.slow.concurrency: is 0", "from 1 to 100"),
        (("budget", "slow", "concurrency"), "2", "budget.slow.concurrency: is text where a whole number", ""),
        (("budget", "a b"), {"rule": "x"}, 'budget."a b".rule: can\'t be `x`', "adaptive, seed"),
        (("budget", "slow", "max_wait"), "-1s", "budget.slow.max_wait: is no duration", ""),
        (("sink",), {"kind": "postgre"}, "sink.kind: can't be `postgre`", "is postgres meant?"),
        (("sink",), {}, "sink.kind: is missing", "postgres, jsonl, parquet, duckdb, plugin"),
        (("sink", "url"), "mysql://h/d", "sink.url: is not a PostgreSQL URL", "postgresql://"),
        (("sink", "writers"), 0, "sink.writers: is 0", "from 1 to 16"),
        (("memory",), "64MB", "memory: is no amount of memory", "256MiB"),
        (("max_rejects",), 2, "max_rejects: is 2", "from 0 to 1"),
        (("max_rejects",), True, "max_rejects: is true or false where a number is wanted", ""),
        (("endpoint",), [], "endpoint: is empty", "[[endpoint]]"),
        (("endpoint",), None, "endpoint: is missing", ""),
        (("defaults",), 5, "defaults: is no table", ""),
        (("defaults", "name"), "x", "defaults.name: is different for each", ""),
        (("defaults", "pagin"), "x", "defaults.pagin: nothing reads this key", "paging"),
        (("defaults", "method"), "PUT", "defaults.method: can't be `PUT`", "GET, POST"),
        (("defaults", "partitions"), 0, "defaults.partitions: is 0", ""),
        (("endpoint", 0, "name"), "a b", "endpoint[0].name (endpoint `a b`): is no name", "a letter, then"),
        (("endpoint", 0, "name"), "notes", "endpoint[1].name (endpoint `notes`): is the name of another", ""),
        (("endpoint", 0, "path"), "orders", f"endpoint[0].path {ORDERS}: does not begin with a slash", "/orders"),
        (("endpoint", 0, "path"), "/x/{id}", f"endpoint[0].path {ORDERS}: has a placeholder, and there is no", ""),
        (("endpoint", 0, "body"), {"a": 1}, f"endpoint[0].body {ORDERS}: goes with POST only", "POST"),
        (("endpoint", 0, "budget"), "none", f"endpoint[0].budget {ORDERS}: names no budget", "known: slow"),
        (("endpoint", 0, "records"), "$.a[?", f"endpoint[0].records {ORDERS}: is no JSONPath: ", "RFC 9535"),
        (("endpoint", 0, "partitions"), 101, f"endpoint[0].partitions {ORDERS}: is 101", "from 1 to 100"),
        (("endpoint", 0, "format"), "csv", f"endpoint[0].paging.next {ORDERS}: is a path into a JSON body", "header"),
        (("endpoint", 0, "paging", "kind"), "curser", f"endpoint[0].paging.kind {ORDERS}: can't be `curser`", "cursor"),
        (("endpoint", 0, "paging", "next"), None, f"endpoint[0].paging.next {ORDERS}: is missing", ""),
        (("endpoint", 0, "paging", "size"), 0, f"endpoint[0].paging.size {ORDERS}: is 0", "1 or more"),
        (("endpoint", 0, "paging", "ttl"), "soon", f"endpoint[0].paging.ttl {ORDERS}: is no duration", ""),
        (
            ("endpoint", 0, "paging", "where"),
            "body",
            f"endpoint[0].paging.where {ORDERS}: can't be `body` with GET",
            "",
        ),
        (
            ("endpoint", 0, "incremental", "column"),
            "kind",
            f"endpoint[0].incremental.column {ORDERS}: names no",
            "updated_at",
        ),
        (("endpoint", 0, "incremental", "start"), "now", f"endpoint[0].incremental.start {ORDERS}: is no moment", ""),
        (("endpoint", 0, "incremental", "param"), None, f"endpoint[0].incremental.param {ORDERS}: is missing", ""),
        (("endpoint", 0, "table", "name"), "a.b.c", f"endpoint[0].table.name {ORDERS}: has more than one dot", ""),
        (("endpoint", 0, "table", "mode"), "upsert", f"endpoint[0].table.mode {ORDERS}: can't be `upsert`", "merge"),
        (
            ("endpoint", 0, "table", "on_conflict"),
            "newest",
            f"endpoint[0].table.on_conflict {ORDERS}: is no rule",
            "nothing",
        ),
        (
            ("endpoint", 0, "table", "on_conflict"),
            "update_if_newer:x",
            f"endpoint[0].table.on_conflict {ORDERS}: names no column beside the key: `x`",
            "updated_at",
        ),
        (("endpoint", 0, "table", "columns"), [], f"endpoint[0].table.columns {ORDERS}: is empty", ""),
        (
            ("endpoint", 0, "table", "columns", 0),
            "a uuuid",
            f"endpoint[0].table.columns[0].type {ORDERS}: can't be",
            "uuid",
        ),
        (("endpoint", 0, "table", "columns", 0), "id bigint", f"endpoint[0].table.columns {ORDERS}: has no key", ""),
        (
            ("endpoint", 0, "table", "columns", 0),
            "a key key",
            f"endpoint[0].table.columns[0] {ORDERS}: is no column",
            "",
        ),
        (("endpoint", 0, "table", "columns", 1), "id", f"endpoint[0].table.columns[1].name {ORDERS}: is the name", ""),
        (("endpoint", 0, "table", "columns", 1), "x key", f"endpoint[0].table.columns {ORDERS}: has 2 key columns", ""),
        (
            ("endpoint", 0, "table", "columns", 1),
            "ingested_at",
            f"endpoint[0].table.columns[1].name {ORDERS}: is a",
            "",
        ),
        (
            ("endpoint", 0, "table", "columns", 1),
            "x jsonb key",
            f"endpoint[0].table.columns[1].key {ORDERS}: is no",
            "",
        ),
        (
            ("endpoint", 0, "table", "children", 0, "columns", 0),
            "position",
            f"endpoint[0].table.children[0].columns[0].name {ORDERS}: is a column",
            "",
        ),
        (
            ("endpoint", 0, "table", "children", 0, "table"),
            "shop.orders",
            f"endpoint[0].table.name {ORDERS}: is wr",
            "",
        ),
        (
            ("endpoint", 1, "parent", "endpoint"),
            "nobody",
            "endpoint[1].parent.endpoint (endpoint `notes`): names no",
            "orders",
        ),
        (
            ("endpoint", 1, "parent", "endpoint"),
            "notes",
            "endpoint[1].parent.endpoint (endpoint `notes`): goes in a",
            "",
        ),
        (
            ("endpoint", 1, "parent", "column"),
            "x",
            "endpoint[1].parent.column (endpoint `notes`): names no column",
            "id",
        ),
        (("endpoint", 1, "path"), "/notes", "endpoint[1].path (endpoint `notes`): has no `{id}`", ""),
        (("endpoint", 1, "path"), "/{id}/{no}", "endpoint[1].path (endpoint `notes`): has another placeholder", ""),
        (("endpoint", 1, "table", "columns", 0), "order_id bigint", "endpoint[1].table.columns[0].type (endpoint", ""),
        (("endpoint", 2, "path"), "/x", "endpoint[2].path (endpoint `events`): is decided by", "`use`"),
        (("endpoint", 2, "table"), {"columns": ["a"]}, "endpoint[2].table.columns (endpoint `events`): is decided", ""),
        (("endpoint", 2, "use"), "", "endpoint[2].use (endpoint `events`): is empty", ""),
    ],
)
def test_a_mistake_is_answered_with_its_place_and_what_to_do(
    tmp_path: Path, path: keys.Path, value: Any, message: str, hint: str
) -> None:
    said, what_to_do = refused(tmp_path, path, value)
    assert said.startswith(message)
    assert hint in what_to_do


def test_parents_that_go_in_a_circle_are_named(tmp_path: Path) -> None:
    content: dict[str, Any] = deepcopy(tree())
    content["endpoint"][0] |= {"path": "/a/{id}", "parent": {"endpoint": "notes", "column": "id"}}
    with pytest.raises(ConfigError, match="goes in a circle: orders -> notes -> orders"):
        read(content, tmp_path)


def test_the_built_in_endpoint_wants_its_key(tmp_path: Path) -> None:
    content = {"api": {"base_url": "http://h"}, "sink": "jsonl", "endpoint": [{"name": "a", "use": "datasync"}]}
    with pytest.raises(ConfigError, match=r"api\.auth: gives no key"):
        read(content, tmp_path)


def test_broken_toml_is_refused_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[api]\nbase_url = https\n")
    with pytest.raises(ConfigError, match=r"mine\.toml: invalid value \(at line 2, column 12\)") as caught:
        file.read(path, {})
    assert caught.value.hint


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbfbase = 1")
    with pytest.raises(ConfigError, match="nothing reads this key"):
        file.read(path, {})


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match="byte 5 is no UTF-8"):
        file.read(path, {})
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        file.read(tmp_path, {})


def test_a_file_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path, workdir: Path) -> None:
    with pytest.raises(ConfigError, match="is not there") as caught:
        file.read(Path("none.toml"), {})
    assert str(workdir / "none.toml") in str(caught.value)


def test_a_configuration_is_found_by_the_variable_then_here(workdir: Path) -> None:
    assert file.find({}) is None
    assert file.find({"DATASYNC_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")
    Path("vars.env").write_text("DATASYNC_CONFIG=z.toml\n")
    assert file.find({}, env_file=Path("vars.env")) == Path("z.toml")
    Path("datasync.toml").touch()
    assert file.find({"DATASYNC_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")
    assert file.find({}, env_file=Path("vars.env")) == Path("z.toml")
    assert file.find({"DATASYNC_CONFIG": " "}) == Path("datasync.toml")


@pytest.mark.parametrize(
    ("lists", "alone"),
    [
        (("kids", "kids"), False),
        (("kids", "public.kids"), False),
        (("a.kids", "b.kids"), True),
        (("kids", "kids2"), True),
    ],
)
def test_rows_that_replace_each_other_have_a_table_of_their_own_however_it_is_spelt(
    tmp_path: Path, lists: tuple[str, str], alone: bool
) -> None:
    content = deepcopy(tree())
    keys.at(content, ("endpoint", 0, "table"))["children"] = [
        {"table": name, "path": f"p{number}", "columns": ["x"]} for number, name in enumerate(lists)
    ]
    if alone:
        read(content, tmp_path, {"THERE": "x"})
        return
    with pytest.raises(ConfigError, match="is written by others, too") as caught:
        read(content, tmp_path, {"THERE": "x"})
    assert caught.value.hint
