"""The page on plugins is true: every hook and variable is there, and its examples work."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import click
import httpx
import pytest

import datasync
from datasync import envvars, hookspecs
from datasync.cli.plugin_commands import added
from datasync.config import Secret, suspect
from datasync.config.spec import PluginAuth, PluginTo
from datasync.errors import ConfigError
from datasync.plugin_sources import ENTRY_POINT_GROUP
from datasync.plugins import HOOKS, PATIENCE, Plugins
from datasync.testing import checks, plugin
from datasync.testing.checks import check_sink, example_settings
from tests.meta.test_docs import ROOT, blocks
from tests.scripted import Server

pytest_plugins = ["pytester"]

PAGE = "docs/plugins.md"
TEXT = (ROOT / PAGE).read_text()


def test_every_hook_is_a_heading_with_its_exact_signature_and_no_other_is() -> None:
    signatures = [f"{name}({', '.join(inspect.signature(getattr(hookspecs, name)).parameters)})" for name in HOOKS]
    assert re.findall(r"^### `(.*)`$", TEXT, re.MULTILINE) == signatures


def variables() -> dict[str, str]:
    """What each variable is said to do where it is defined."""
    body = ast.parse(inspect.getsource(envvars)).body
    found = {}
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign):
            assert isinstance(statement.value, ast.Constant)
            assert isinstance(following, ast.Expr), ast.unparse(statement)
            assert isinstance(following.value, ast.Constant)
            found[str(statement.value.value)] = " ".join(str(following.value.value).split())
    return found


def test_every_environment_variable_is_documented_with_the_words_of_its_definition() -> None:
    rows = [f"| `{name}` | {text.replace('|', '&#124;')} |" for name, text in variables().items()]
    page = (ROOT / "docs/environment.md").read_text().splitlines()
    assert [line for line in page if line.startswith("| `")] == rows


def test_a_variable_of_plugins_that_is_misspelled_is_noticed() -> None:
    with pytest.raises(ConfigError, match="DATASYNC_LOAD_PLUGIN"):
        suspect.refuse_typos(["DATASYNC_LOAD_PLUGIN"], [])


def python(first: str) -> str:
    """The example that begins so."""
    (found,) = [source for source in blocks(PAGE, "python") if source.startswith(first)]
    return found


def test_the_transform_and_its_tests_work_as_printed(tmp_path: Path, pytester: pytest.Pytester) -> None:
    for name in ("mine", "test_mine"):
        (pytester.path / f"{name}.py").write_text(python(f"# {name}.py\n"))
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = -p no:benchmark -p no:cacheprovider")
    pytester.syspathinsert()
    pytester.runpytest_inprocess().assert_outcomes(passed=2)
    assert 'pytest_plugins = ["datasync.testing.plugin"]' in python("# conftest.py\n")
    (tmp_path / "mine.py").write_text(python("# mine.py\n"))
    assert "lowercase-email" in Plugins([tmp_path / "mine.py"], entry_points=False).transforms


def test_the_hooks_work_as_printed(tmp_path: Path) -> None:
    hooks = [source for source in blocks(PAGE, "python") if not source.startswith("#")]
    files = [tmp_path / f"hook{number}.py" for number in range(len(hooks))]
    for file, source in zip(files, hooks, strict=True):
        file.write_text(source)
    plugins = Plugins(files, entry_points=False)
    assert "events-again" in plugins.endpoints
    secret = Secret("a key of ours", source="SIGNING_KEY")
    signed = plugins.auths["signed"](PluginAuth(name="signed", secrets={"key": secret}), example_settings())
    (request,) = signed.sync_auth_flow(httpx.Request("GET", "https://h/v1?a=1"))
    assert len(request.headers["X-Signature"]) == 64
    to = PluginTo(name="sqlite", options={"path": "data.sqlite"})
    check_sink(plugins.sinks["sqlite"], example_settings(to=to))
    assert set(added(plugins, {"ours": click.Command("ours")})) == {"greet"}


def test_the_sink_works_as_printed_in_a_run(workdir: Path) -> None:
    (workdir / "sink.py").write_text(python("import sqlite3\n"))
    with Server(lambda _asked: (200, {}, b'[{"id": "a"}, {"id": "b"}, {"id": "a"}, {}]')) as server:
        _, sink = blocks(PAGE, "toml")
        text = f'[api]\nbase_url = "{server.origin}"\n{sink}[[endpoint]]\nname = "e"\npath = "/e"\n'
        (workdir / "datasync.toml").write_text(text)
        first, again = (datasync.ingest("datasync.toml", plugins=[workdir / "sink.py"])[0].stats for _ in range(2))
    assert (first.rows, first.duplicates, first.quarantined, again.rows) == (2, 1, 1, 0)


def test_the_package_is_found_by_its_entry_point() -> None:
    source, _ = blocks(PAGE, "toml")
    assert list(tomllib.loads(source)["project"]["entry-points"]) == [ENTRY_POINT_GROUP]


def test_every_check_and_fixture_is_in_the_page_and_pytest_loads_none_by_itself() -> None:
    functions = [name for name in checks.__all__ if inspect.isfunction(getattr(checks, name))]
    assert all(f"`{name}(" in TEXT for name in functions)
    fixtures = [name for name in vars(plugin) if name.startswith("datasync_")]
    assert fixtures
    assert all(f"`{name}`" in TEXT for name in fixtures)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "entry-points" not in project


def test_the_numbers_of_the_page_are_the_programs() -> None:
    from datasync.pipeline.watchdog import BLOCKED

    assert f"more than {PATIENCE:.0f} seconds" in TEXT
    assert f"after {BLOCKED:.0f} seconds the log says" in TEXT
