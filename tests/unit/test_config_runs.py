from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from datasync import envvars
from datasync.config import Secret, Settings, hidden, load
from datasync.config.compile import runs
from datasync.config.environment import lookup
from datasync.config.invalid import InvalidSpec
from datasync.config.overrides import Options, Overrides, overrides
from datasync.config.preset import PRESETS, config
from datasync.config.schema import ConflictPolicy, RoundSettings, TableSettings, WriteSettings
from datasync.config.spec import Api, Config, EndpointSpec, JsonlTo, Parent
from datasync.errors import ConfigError
from tests.config_trees import AUTHS, CANARY, SINKS, read, tree

API = Api(base_url="http://h/v1/")


def endpoint(name: str, parent: str | None = None) -> EndpointSpec:
    if parent is None:
        return EndpointSpec(name=name, path=f"/{name}")
    return EndpointSpec(name=name, path="/x/{id}", parent=Parent(endpoint=parent))


def made(*endpoints: EndpointSpec) -> Config:
    return Config(api=API, sink=JsonlTo(), endpoints=endpoints)


def test_everything_a_file_says_reaches_the_run(tmp_path: Path) -> None:
    first, second, third = runs(read(tree(), tmp_path))
    assert first.endpoint == "rest"
    assert first.api_base_url == "https://api.example.com/v1"
    assert first.api_key.reveal() == f"{CANARY}-header"
    assert first.database_url.reveal() == f"postgresql://u:{CANARY}@h/db"
    assert first.sink == "postgres"
    assert first.table == TableSettings(name="shop.orders", mode="merge")
    assert first.rounds == RoundSettings(again=True, lookback_us=3_600_000_000, start_us=1_704_067_200_000_000)
    policy = ConflictPolicy("update_if_newer", "updated_at")
    assert first.write == WriteSettings(on_conflict=policy, direct=False, durable=True, writers=1)
    assert (first.slots.initial, first.slots.reduced, first.slots.maximum) == (2, 2, 2)
    assert (first.limits.concurrency, first.limits.shared, first.limits.max_wait) == ("seed", True, 5400)
    assert (first.http.retry_for, first.http.timeout) == (60, 5)
    assert (first.transforms, first.partitions) == (("lowercase",), 3)
    assert (first.max_rejects, first.memory_bytes) == (0.01, 64 << 20)
    assert first.spec is not None
    assert first.spec.params["lang"] == "en", "from the defaults"
    assert first.spec.table.contract == "freeze"
    assert (second.table.name, second.table.mode, second.rounds) == ("notes", "append", RoundSettings())
    assert second.write.on_conflict == ConflictPolicy(), "there are no keys to be in conflict"
    assert (third.endpoint, third.table.name) == ("mine", "events")


@pytest.mark.parametrize("number", range(len(SINKS)))
def test_each_sink_is_named_by_its_kind_or_its_plugin(tmp_path: Path, number: int) -> None:
    (first, *_) = runs(read(tree(sink=number), tmp_path))
    assert first.sink == ("postgres", "jsonl", "parquet", "duckdb", "mine")[number]
    assert first.to is not None
    assert bool(first.database_url.reveal()) == (number == 0)


@pytest.mark.parametrize("number", range(len(AUTHS)))
def test_one_masker_knows_all_secrets_and_no_repr_shows_one(tmp_path: Path, number: int) -> None:
    settings = runs(read(tree(auth=number, sink=4), tmp_path))
    assert len({id(one.mask) for one in settings}) == 1
    shown = repr([(one.api and one.api.auth, one.to, one.api_key, one.database_url) for one in settings])
    for plain in ("name", "option"):  # of fields that are declared as text; what prints a configuration masks them, too
        shown = shown.replace(f"{CANARY}-{plain}", "")
    assert CANARY not in shown
    for _, secret in hidden.found(read(tree(auth=number, sink=4), tmp_path)):
        assert CANARY not in settings[0].mask(f"x{secret.reveal()}x")


def test_parents_come_before_their_children() -> None:
    given = made(endpoint("c", "b"), endpoint("b", "a"), endpoint("z"), endpoint("a"))
    names = [one.spec.name for one in runs(given) if one.spec]
    assert names == ["a", "b", "c", "z"]
    alone = [one.spec.name for one in runs(given, overrides=Overrides(endpoint="b")) if one.spec]
    assert alone == ["a", "b"]
    with pytest.raises(ConfigError, match="no endpoint `x`") as caught:
        runs(given, overrides=Overrides(endpoint="x"))
    assert caught.value.hint == "known: c, b, z, a"


def test_structs_made_in_python_are_checked_as_a_file_is() -> None:
    with pytest.raises(InvalidSpec, match=r"endpoint\[1\]\.parent\.endpoint \(endpoint `b`\): names no endpoint"):
        runs(made(endpoint("a"), endpoint("b", "nobody")))
    with pytest.raises(ConfigError, match="name: is no name"):
        endpoint("a b")


OPTIONS: dict[str, Any] = {
    "retry_for": "7",
    "max_wait": "inf",
    "concurrency": "adaptive",
    "partitions": 5,
    "on_conflict": "update",
    "max_rejects": "0.5",
    "memory": "32MiB",
}
VARIABLES = {
    envvars.RETRY_FOR: "8",
    envvars.MAX_WAIT: "9",
    envvars.CONCURRENCY: "adaptive",
    envvars.PARTITIONS: "6",
    envvars.ON_CONFLICT: "update_if_changed",
    envvars.MAX_REJECTS: "0.25",
    envvars.MEMORY: "48MiB",
}


def values(settings: Settings) -> tuple[object, ...]:
    return (
        settings.http.retry_for,
        settings.limits.max_wait,
        settings.limits.concurrency,
        settings.partitions,
        settings.write.on_conflict.rule,
        settings.max_rejects,
        settings.memory_bytes,
    )


def said(environ: Mapping[str, str], **options: Any) -> Overrides:
    return overrides(lookup(environ, None), Options(**options))


def test_options_win_over_variables_and_those_over_the_file(tmp_path: Path, workdir: Path) -> None:
    given = read(tree(), tmp_path)
    by_file, by_variable, by_option = (
        values(runs(given, overrides=told)[0]) for told in (said({}), said(VARIABLES), said(VARIABLES, **OPTIONS))
    )
    assert by_file == (60, 5400, "seed", 3, "update_if_newer", 0.01, 64 << 20)
    assert by_variable == (8, 9, "adaptive", 6, "update_if_changed", 0.25, 48 << 20)
    assert by_option == (7, float("inf"), "adaptive", 5, "update", 0.5, 32 << 20)


def test_switches_win_in_the_same_order(tmp_path: Path, workdir: Path) -> None:
    given = read(tree(), tmp_path)  # durable, shared, not direct
    off = {envvars.DURABLE: "0", envvars.SHARED_LIMIT: "0", envvars.DIRECT: "1", envvars.WAIT: "1"}

    def told(environ: dict[str, str], **options: bool) -> tuple[bool, ...]:
        (first, *_) = runs(given, overrides=said(environ, **options))
        return first.write.durable, first.limits.shared, first.write.direct, first.write.wait, first.restart

    assert told({}) == (True, True, False, False, False)
    assert told(off) == (False, False, True, True, False)
    assert told(off, durable=True, shared_limit=True, direct=False, restart=True) == (True, True, False, True, True)


@pytest.mark.parametrize("name", PRESETS)
def test_the_environment_alone_and_its_configuration_say_the_same(name: str, workdir: Path) -> None:
    environ = {
        "DATABASE_URL": "postgresql://u:pw@h/d",
        "API_BASE_URL": "https://h/v1",
        "API_KEY": "canary",
        "DATASYNC_ENDPOINT": name,
        **VARIABLES,
    }
    settings = load(environ)
    (again,) = runs(config(settings))
    assert values(again) == values(settings)
    assert again.table == settings.table
    assert again.endpoint == ("rest" if name == "datasync" else name)
    assert again.slots == settings.slots
    assert (again.api_key.reveal(), again.api_key.source) == ("canary", "${API_KEY}")


def test_a_file_may_use_the_built_in_endpoint(tmp_path: Path) -> None:
    content = deepcopy(tree())
    content["endpoint"] = [{"name": "e", "use": "datasync", "incremental": {"column": "timestamp", "until_known": 3}}]
    (only,) = runs(read(content, tmp_path))
    assert (only.endpoint, only.table.name, only.rounds.until_known) == ("datasync", "ingested_events", 3)


def test_a_secret_needs_no_source() -> None:
    assert "s3cret" not in repr(Secret("s3cret"))
