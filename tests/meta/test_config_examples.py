"""The configurations that people begin with work as printed."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.meta.test_docs import blocks
from tests.support import API_KEY, command, kept


def test_the_readmes_configuration_is_read(workdir: Path) -> None:
    (source,) = blocks("README.md", "toml")
    (workdir / "datasync.toml").write_text(source)
    environ = {"DATABASE_URL": "postgresql://u@h/d", "API_KEY": API_KEY}
    done = command(["config", "show", "--json"], environ)
    assert done.code == 0, done.stderr
    (endpoint,) = json.loads(done.stdout)["endpoint"]
    assert (endpoint["name"], len(endpoint["table"]["columns"])) == ("orders", 4)


def test_the_python_of_the_configuration_document_works_as_printed(
    simulate: Callable[[SimulatorOptions], SimulatorProcess], workdir: Path
) -> None:
    source, _ = blocks("docs/configuration.md", "python")  # the other one takes the log over
    (workdir / "run.py").write_text(source)
    api = simulate(SimulatorOptions(count=1200, api_key=API_KEY, rate_limit="none"))
    env = kept() | {"API_BASE_URL": api.base_url, "API_KEY": API_KEY, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run([sys.executable, "run.py"], cwd=workdir, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "events 1200"
    assert (workdir / "data" / "events.jsonl").read_text().count("\n") == 1200
