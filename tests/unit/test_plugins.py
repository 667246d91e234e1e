"""Every hook, called the way the application calls it."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from datasync import hookimpl, transform
from datasync.cli.plugin_commands import added
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.errors import PluginError
from datasync.executors.local import LocalExecutor
from datasync.model import Batch, Checkpoint, Committed
from datasync.plugins import Plugins, resolve
from datasync.sinks.postgres.sink import PostgresSink
from datasync.stats import RunStats
from datasync.transforms.builtin import identity


@pytest.fixture
def plugins() -> Plugins:
    return Plugins(entry_points=False)


def test_hook_register_endpoints_offers_the_built_in_one(plugins: Plugins) -> None:
    assert plugins.endpoints["datasync"] is EventsEndpoint


def test_hook_register_auth_is_handed_to_those_who_offer_endpoints(tmp_path: Path) -> None:
    file = tmp_path / "signing.py"
    file.write_text(
        "import datasync\n\n"
        "@datasync.hookimpl\n"
        "def register_auth(register): register('signed', dict)\n\n"
        "@datasync.hookimpl\n"
        "def register_endpoints(register, auths): register('seen', lambda: auths['signed'])\n"
    )
    plugins = Plugins([file], entry_points=False)
    assert plugins.auths == {"signed": dict}
    assert plugins.endpoints["seen"]() is dict
    assert getattr(plugins.endpoints["rest"], "keywords", None) == {"auths": plugins.auths}


def test_hook_register_sinks_offers_the_built_in_one(plugins: Plugins) -> None:
    assert plugins.sinks["postgres"] is PostgresSink


def test_hook_register_transforms_takes_hooks_and_marked_functions(tmp_path: Path) -> None:
    file = tmp_path / "both.py"
    file.write_text(
        "import datasync\n\n"
        "@datasync.transform('marked')\n"
        "def marked(record): return record\n\n"
        "@datasync.hookimpl\n"
        "def register_transforms(register): register('hooked', marked)\n"
    )
    plugins = Plugins([file], entry_points=False)
    assert set(plugins.transforms) == {"identity", "marked", "hooked"}
    assert plugins.transforms["identity"] is identity


def test_hook_register_executors_offers_the_built_in_one(plugins: Plugins) -> None:
    assert plugins.executors["local"] is LocalExecutor


class Commands:
    @hookimpl
    def register_commands(self, cli: click.Group) -> None:
        cli.add_command(click.Command("hello", callback=lambda: click.echo("hello from a plugin")))


def test_hook_register_commands_adds_one(plugins: Plugins) -> None:
    plugins.manager.register(Commands())
    found = added(plugins, {})
    assert CliRunner().invoke(found["hello"]).output == "hello from a plugin\n"


@pytest.mark.fault(62)
def test_a_plugins_command_never_replaces_one_that_is_there(plugins: Plugins) -> None:
    plugins.manager.register(Commands(), "first")
    plugins.manager.register(Commands(), "second")
    with capture_logs() as logs:
        assert added(plugins, {"hello": click.Command("ours")}) == {}
    assert [line["log_level"] for line in logs] == ["warning"] * 2
    assert all("`hello` is there already" in line["reason"] for line in logs)
    with capture_logs() as logs:
        assert list(added(plugins, {})) == ["hello"]
    assert len(logs) == 1


class Lifecycle:
    def __init__(self) -> None:
        self.seen: list[object] = []

    @hookimpl
    def run_started(self, stats: RunStats) -> None:
        self.seen.append(stats)

    @hookimpl
    def batch_committed(self, batch: Batch, committed: Committed, stats: RunStats) -> None:
        self.seen += [batch, committed, stats]

    @hookimpl
    def run_finished(self, stats: RunStats) -> None:
        self.seen.append(stats)


@pytest.fixture
def lifecycle(plugins: Plugins) -> Iterator[Lifecycle]:
    plugin = Lifecycle()
    plugins.manager.register(plugin)
    yield plugin
    plugins.manager.unregister(plugin)


def test_hook_run_started(plugins: Plugins, lifecycle: Lifecycle) -> None:
    stats = RunStats()
    plugins.hook.run_started(stats=stats)
    assert lifecycle.seen == [stats]


def test_hook_batch_committed(plugins: Plugins, lifecycle: Lifecycle) -> None:
    what = (Batch([], Checkpoint()), Committed(1, 2, 3), RunStats())
    plugins.hook.batch_committed(batch=what[0], committed=what[1], stats=what[2])
    assert lifecycle.seen == list(what)


def test_hook_run_finished(plugins: Plugins, lifecycle: Lifecycle) -> None:
    stats = RunStats()
    plugins.hook.run_finished(stats=stats)
    assert lifecycle.seen == [stats]


def test_two_plugins_with_one_name_are_refused_and_both_named(tmp_path: Path) -> None:
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(
            "import datasync\n\n@datasync.transform('same')\ndef same(record): return record\n"
        )
    with pytest.raises(PluginError, match=r"`same` is offered by both `.*one\.py` and `.*two\.py`"):
        Plugins([tmp_path / "one.py", tmp_path / "two.py"], entry_points=False)


def test_a_transform_imported_from_elsewhere_is_not_registered_again(tmp_path: Path) -> None:
    file = tmp_path / "importer.py"
    file.write_text("from tests.unit.test_plugins import elsewhere\n")
    assert "elsewhere" not in Plugins([file], entry_points=False).transforms


@transform("elsewhere")
def elsewhere(record: dict[str, object]) -> dict[str, object]:
    return record


def test_a_name_that_nobody_offers_is_refused_with_what_there_is() -> None:
    with pytest.raises(PluginError) as caught:
        resolve("transform", "missing", {"identity": identity})
    assert caught.value.hint is not None
    assert "identity" in caught.value.hint


@pytest.mark.fault(62)
@pytest.mark.parametrize("name", ["no.such.module:function", "json:no_such_name", "json:__doc__"])
def test_an_import_that_fails_is_a_plugin_error(name: str) -> None:
    with pytest.raises(PluginError):
        resolve("transform", name, {})


def test_a_function_is_imported_by_module_and_name() -> None:
    assert resolve("transform", "datasync.transforms.builtin:identity", {}) is identity
