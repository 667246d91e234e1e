"""A plugin that fails concerns those who use it, and nobody else."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from datasync import hookimpl, transform
from datasync.errors import ConfigError, PluginError
from datasync.plugins import Loaded, Plugins, resolve
from datasync.stats import RunStats
from tests.packages import install

GOOD = "import datasync\n\n@datasync.transform('good')\ndef good(record): return record\n"
HOOK = "import datasync\n\n@datasync.hookimpl\ndef register_endpoints(register):\n    "

BROKEN = {
    "import": "import no_such_module\n",
    "syntax": "def\n",
    "exit": "import sys\nsys.exit(0)\n",
    "ours": "from datasync.errors import ConfigError\nraise ConfigError('theirs')\n",
    "raises": HOOK + "1 / 0\n",
    "exit in a hook": HOOK + "raise SystemExit(0)\n",
    "not callable": HOOK + "register('mine', 5)\n",
    "name of a wrong type": HOOK + "register(5, print)\n",
    "no name": HOOK + "register('', print)\n",
    "two names": HOOK + "register('a,b', print)\n",
    "escape": HOOK + "register('a\\x1b[1m', print)\n",
    "no arguments": HOOK + "register()\n",
    "twice": HOOK + "register('a', print)\n    register('a', len)\n",
    "after a good one": HOOK + "register('half', print)\n    register('mine', None)\n",
    "unknown hook": "import datasync\n\n@datasync.hookimpl\ndef register_endpoint(register): pass\n",
    "unknown argument": "import datasync\n\n@datasync.hookimpl\ndef run_started(run): pass\n",
    "async hook": "import datasync\n\n@datasync.hookimpl\nasync def run_started(stats): pass\n",
    "built-in name": HOOK + "register('datasync', print)\n",
    "transform without a name": "import datasync\n\n@datasync.transform\ndef mine(record): return record\n",
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages."""
    before = set(sys.modules)
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    yield site
    for name in set(sys.modules) - before:
        if name.startswith("datasync_"):
            del sys.modules[name]


def installed(**how: Any) -> tuple[Plugins, dict[str, Loaded], list[Any]]:
    with capture_logs() as logs:
        plugins = Plugins(environ=how.pop("environ", {}), **how)
    return plugins, {one.name: one for one in plugins.all if one.origin == "entry point"}, logs


@pytest.mark.fault(62)
@pytest.mark.parametrize("source", BROKEN.values(), ids=list(BROKEN))
def test_an_installed_plugin_that_fails_is_left_out_whole_with_a_warning(site: Path, source: str) -> None:
    install(site, "bad", source)
    install(site, "good", GOOD)
    plugins, found, logs = installed()
    assert [line["log_level"] for line in logs] == ["warning"]
    assert logs[0]["plugin"] == "bad"
    assert "the plugin `bad`" in logs[0]["reason"]
    assert found["bad"].failure is not None
    assert found["bad"].registered == {}
    assert found["good"].failure is None
    assert set(plugins.transforms) == {"identity", "good"}
    assert set(plugins.endpoints) == {"datasync", "datasync-feed", "rest"}
    assert not {name for name, _ in plugins.manager.list_name_plugin()} & {"bad"}


@pytest.mark.fault(62)
def test_whoever_uses_what_is_missing_is_told_which_plugin_failed(site: Path) -> None:
    install(site, "bad", BROKEN["import"])
    plugins, _, _ = installed()
    with pytest.raises(PluginError, match=r"no endpoint is called `mine`.*the plugin `bad`.*no_such_module"):
        resolve("endpoint", "mine", plugins.endpoints)


@pytest.mark.fault(62)
@pytest.mark.parametrize("source", BROKEN.values(), ids=list(BROKEN))
def test_a_file_that_fails_is_an_error_because_somebody_named_it(tmp_path: Path, source: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(source)
    with pytest.raises(PluginError, match=r"mine\.py"):
        Plugins([file], entry_points=False)
    (failed,) = [one for one in Plugins([file], entry_points=False, tolerant=True).all if one.failure]
    assert failed.name == str(file)


@pytest.mark.fault(60, 62)
@pytest.mark.parametrize(
    "source",
    ["import threading\nthreading.Event().wait(60)\n", HOOK + "import threading; threading.Event().wait(60)\n"],
)
def test_a_plugin_that_hangs_while_it_is_loaded_is_left_out(site: Path, source: str) -> None:
    install(site, "bad", source)
    _, found, _ = installed(patience=0.2)
    assert "TimeoutError: it didn't return within 0.2 s" in str(found["bad"].failure)


def test_a_name_that_two_packages_offer_is_nobodys_until_one_is_chosen(site: Path) -> None:
    source = GOOD + "\n@datasync.transform('{0}')\ndef own(record): return record\n"
    install(site, "one", source.format("from-one"))
    install(site, "two", source.format("from-two"))
    plugins, found, logs = installed()
    assert [line["event"] for line in logs] == ["two plugins offer the same"]
    assert not any(one.failure for one in found.values())
    assert {"from-one", "from-two"} <= set(plugins.transforms)
    with pytest.raises(PluginError, match="`good` is offered by both `one` and `two`"):
        resolve("transform", "good", plugins.transforms)
    chosen, _, _ = installed(environ={"DATASYNC_LOAD_PLUGINS": "two"})
    assert resolve("transform", "good", chosen.transforms).__module__ == "datasync_two"


@pytest.mark.parametrize(("chosen", "loaded"), [("", set()), ("two", {"two"}), (" two , one", {"one", "two"})])
def test_only_the_installed_plugins_that_are_chosen_are_imported(site: Path, chosen: str, loaded: set[str]) -> None:
    for name in ("one", "two"):
        install(site, name, f"import datasync\n\n@datasync.transform({name!r})\ndef f(record): return record\n")
    plugins, found, _ = installed(environ={"DATASYNC_LOAD_PLUGINS": chosen})
    assert set(found) == set(plugins.transforms) - {"identity"} == loaded
    assert {name for name in ("one", "two") if f"datasync_{name}" in sys.modules} == loaded


def test_a_chosen_plugin_that_is_not_installed_is_an_error(site: Path) -> None:
    install(site, "one", GOOD)
    with pytest.raises(PluginError, match=r"DATASYNC_LOAD_PLUGINS names what is not installed: onee") as caught:
        Plugins(environ={"DATASYNC_LOAD_PLUGINS": "onee"})
    assert caught.value.hint == "installed plugins: one"


def test_two_files_of_one_name_are_two_plugins_and_one_given_twice_is_one(tmp_path: Path) -> None:
    files = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / "mine.py")
        files[-1].write_text(f"import datasync\n\n@datasync.transform({folder!r})\ndef f(record): return record\n")
    plugins = Plugins([*files, files[0]], entry_points=False)
    assert set(plugins.transforms) == {"identity", "a", "b"}


class Fails:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    @hookimpl
    def run_started(self) -> None:
        raise self.error


class Counts:
    calls = 0

    @hookimpl
    def run_started(self) -> None:
        self.calls += 1


@pytest.mark.fault(62)
@pytest.mark.parametrize("error", [ValueError("mine"), SystemExit(0), ConfigError("mine")])
def test_a_lifecycle_hook_that_raises_is_named_and_keeps_nobody_else_from_being_called(error: BaseException) -> None:
    plugins = Plugins(entry_points=False)
    counts = [Counts(), Counts()]
    plugins.manager.register(counts[0])
    plugins.manager.register(Fails(error), "the one that fails")
    plugins.manager.register(counts[1])
    with capture_logs() as logs:
        plugins.notify("run_started", stats=RunStats())
    assert [one.calls for one in counts] == [1, 1]
    (line,) = logs
    assert (line["log_level"], line["plugin"], line["code"]) == ("error", "the one that fails", "plugin")


def test_each_call_of_a_hook_is_traced_with_the_plugin_and_what_it_gave(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import datasync\n\n@datasync.hookimpl\ndef run_started(stats): return 'given'\n")
    with capture_logs() as logs:
        plugins = Plugins([file], entry_points=False, environ={"DATASYNC_TRACE_PLUGINS": "1"})
        plugins.manager.register(Fails(ValueError("mine")), "fails")
        plugins.notify("run_started", stats=RunStats())
    traced = [line for line in logs if line["event"] == "a hook was called"]
    assert {"register_endpoints", "register_sinks", "run_started"} <= {line["hook"] for line in traced}
    failed, gave = traced[-2:]
    assert (failed["plugins"], failed["raised"]) == ("fails", "'ValueError: mine'")
    assert (gave["plugins"], gave["arguments"], gave["results"]) == (str(file), "stats: RunStats", "['given']")


def test_nothing_is_traced_unless_it_is_asked_for() -> None:
    with capture_logs() as logs:
        Plugins(entry_points=False, environ={"DATASYNC_TRACE_PLUGINS": "0"})
    assert logs == []


def test_a_transform_without_a_name_is_refused_where_it_stands() -> None:
    with pytest.raises(PluginError, match="a transform needs a name"):
        transform(print)  # type: ignore[arg-type]  # the mistake
