import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from datasync.config import toml
from tests.config_trees import AUTHS, CANARY, SINKS, tree

SMALL = {
    "api": {"base_url": "http://h/v1", "auth": {"kind": "bearer", "token": "${TOKEN}"}},
    "sink": "jsonl",
    "endpoint": [{"name": "a", "path": "/a", "paging": "link"}],
}


def run(*arguments: str, code: int = 0, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    path = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "datasync", "config", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=path | dict(environ or {}),
    )
    assert done.returncode == code, done.stderr
    return done


def test_a_configuration_is_shown_whole_as_toml_and_as_json(workdir: Path) -> None:
    Path("datasync.toml").write_text(toml.dumps(SMALL))
    shown = tomllib.loads(run("show", environ={"TOKEN": "canary"}).stdout)
    assert shown["api"]["auth"] == {"kind": "bearer", "token": "${TOKEN}", "scheme": "Bearer"}
    assert shown["endpoint"][0]["paging"]["kind"] == "link"
    assert shown["memory"] == "256MiB"
    assert json.loads(run("show", "--json", environ={"TOKEN": "canary"}).stdout) == shown
    Path("again.toml").write_text(toml.dumps(shown))
    assert tomllib.loads(run("show", "again.toml", environ={"TOKEN": "canary"}).stdout) == shown


def test_the_environment_alone_is_shown_as_a_configuration_that_runs(workdir: Path) -> None:
    environ = {"DATABASE_URL": "postgresql://u:canary-pw@h/d", "API_BASE_URL": "http://h/v1", "API_KEY": "canary"}
    done = run("show", environ=environ)
    assert "canary" not in done.stdout + done.stderr
    Path("datasync.toml").write_text(done.stdout)
    assert run("show", environ=environ).stdout == done.stdout


def test_the_variable_names_the_file(workdir: Path) -> None:
    Path("other.toml").write_text(toml.dumps(SMALL))
    assert 'name = "a"' in run("show", environ={"TOKEN": "x", "DATASYNC_CONFIG": "other.toml"}).stdout
    assert "gone.toml" in run("show", code=2, environ={"DATASYNC_CONFIG": "gone.toml"}).stderr


@pytest.mark.parametrize("number", [5, 7])
def test_no_secret_is_shown(workdir: Path, number: int) -> None:
    content: dict[str, Any] = deepcopy(tree(auth=number, sink=number % len(SINKS)))
    Path("datasync.toml").write_text(toml.dumps(content))
    done = run("show")
    assert CANARY not in done.stdout + done.stderr
    assert "***" in done.stdout
    Path("datasync.toml").write_text(toml.dumps(content | {"api": content["api"] | {"auth": {**AUTHS[1], "x": 1}}}))
    refused = run("show", code=2).stderr
    assert "api.auth.x: nothing reads this key" in refused
    assert CANARY not in refused


def test_the_schema_is_printed(workdir: Path) -> None:
    assert json.loads(run("schema").stdout)["title"] == "datasync.toml"
