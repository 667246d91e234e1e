"""The log of a run from Python: on stderr, without secrets, and the host's where it wants it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripted import Server
from tests.support import API_KEY, kept

PLUGIN = """
import datasync
@datasync.hookimpl
def run_started(stats): raise ValueError("the hook saw " + KEY)
@datasync.transform("leak")
def leak(record): raise ValueError("the transform saw " + KEY)
"""

PROGRAM = """
import asyncio, json, logging, os, sys
from pathlib import Path
import structlog
import datasync
from datasync.config import Secret
from datasync.config.spec import Api, ColumnSpec, Config, EndpointSpec, HeaderKey, JsonlTo, Table
{before}
config = Config(
    api=Api(base_url=os.environ["ORIGIN"], auth=HeaderKey(key=Secret(os.environ["KEY"], source="KEY"))),
    sink=JsonlTo(folder="{folder}"),
    endpoints=(EndpointSpec(name="e", path="/e", table=Table(columns=(ColumnSpec(name="id", key=True),))),),
)
def run(): datasync.ingest(config, plugins=[Path("mine.py")])
run()
{after}
"""

EVENTS = ["a plugin failed", "ingestion started", "ingestion complete"]


@pytest.fixture
def origin() -> Iterator[str]:
    with Server(lambda _asked: (200, {}, json.dumps([{"id": "a"}]).encode())) as server:
        yield server.origin


def hosted(
    origin: str, workdir: Path, before: str = "", after: str = "", folder: str = "data"
) -> "subprocess.CompletedProcess[str]":
    (workdir / "mine.py").write_text(PLUGIN.replace("KEY", repr(API_KEY)))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(before=before, after=after, folder=folder)],
        env=kept() | {"ORIGIN": origin, "KEY": API_KEY},
        cwd=workdir,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert API_KEY not in done.stdout + done.stderr
    return done


def test_the_log_goes_to_stderr_masked_and_stdout_has_the_rows_alone(origin: str, workdir: Path) -> None:
    done = hosted(origin, workdir, folder="-")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"id": "a"}]
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines if line["event"] in EVENTS] == EVENTS
    assert "the hook saw ***" in lines[0]["exception"]


def test_the_log_is_put_back_after_the_run_and_the_next_run_has_it_again(origin: str, workdir: Path) -> None:
    done = hosted(origin, workdir, after="print(structlog.is_configured()); run(); print(structlog.is_configured())")
    assert done.stdout.split() == ["False", "False"]
    assert sum("ingestion started" in line for line in done.stderr.splitlines()) == 2


CONFIGURED = {
    "json": (
        "structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],"
        " logger_factory=structlog.PrintLoggerFactory(sys.stdout))"
    ),
    "tuple": (
        "structlog.configure(processors=(structlog.processors.format_exc_info, structlog.processors.JSONRenderer()),"
        " logger_factory=structlog.PrintLoggerFactory(sys.stdout))"
    ),
    "console": "structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stdout))",
    "logging": (
        "logging.basicConfig(stream=sys.stdout, level=logging.INFO, format='%(message)s');"
        " structlog.configure(logger_factory=structlog.stdlib.LoggerFactory(),"
        " processors=[structlog.stdlib.add_log_level, structlog.stdlib.render_to_log_kwargs])"
    ),
    "formatter": (
        "handler = logging.StreamHandler(sys.stdout); logging.basicConfig(handlers=[handler], level=logging.INFO);"
        " handler.setFormatter(structlog.stdlib.ProcessorFormatter("
        "processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta,"
        " structlog.processors.JSONRenderer()]));"
        " structlog.configure(logger_factory=structlog.stdlib.LoggerFactory(),"
        " wrapper_class=structlog.stdlib.BoundLogger,"
        " processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter])"
    ),
}


@pytest.mark.parametrize("how", CONFIGURED)
def test_a_host_that_configured_structlog_has_the_log_its_own_way_and_masked(
    origin: str, workdir: Path, how: str
) -> None:
    after = "structlog.get_logger().info('afterwards', key=os.environ['KEY'][::-1])"
    done = hosted(origin, workdir, before=CONFIGURED[how], after=after)
    assert done.stderr == ""
    assert all(event in done.stdout for event in EVENTS)
    assert "the hook saw ***" in done.stdout
    assert "afterwards" in done.stdout


def test_a_host_takes_the_log_over_as_the_document_says(origin: str, workdir: Path) -> None:
    from tests.meta.test_docs import blocks

    (silence,) = [source for source in blocks("docs/configuration.md", "python") if "ReturnLogger" in source]
    done = hosted(origin, workdir, before=silence)
    assert (done.stdout, done.stderr) == ("", "")


def test_logs_that_a_test_captures_are_captured_and_masked(origin: str, workdir: Path) -> None:
    before = "from structlog.testing import capture_logs; capture = capture_logs(); logs = capture.__enter__()"
    done = hosted(origin, workdir, before=before, after="print(json.dumps(logs))")
    assert done.stderr == ""
    (failed,) = [line for line in json.loads(done.stdout) if line["event"] == "a plugin failed"]
    assert "the hook saw ***" in failed["exception"]
    assert os.linesep in failed["exception"]
