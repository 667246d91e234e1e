"""Standard output has the data alone and all of them, or the command says that it hasn't."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripted import Asked, Server
from tests.support import Run, kept

CONFIG = """
[api]
base_url = "{origin}"
[sink]
kind = "jsonl"
folder = "{folder}"
[[endpoint]]
name = "e"
path = "/e"
table = {{ columns = ["id text key"] }}
"""

PRINTS = """
import subprocess, sys
import datasync
print("while it is loaded")
@datasync.transform("prints")
def prints(record):
    print("a word of", record["id"], end="")
    sys.stdout.buffer.write(b" in bytes\\n")
    subprocess.run(["echo", "of a child"], stdout=sys.stdout, check=True)
    return record
"""


class Shell:
    """Runs commands by a shell, in a folder with a configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.origin = ""

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(asked.path)
        return 200, {}, json.dumps([{"id": "a"}, {"id": "b"}]).encode()

    def __call__(self, line: str, *, folder: str = "data") -> Run:
        (self.folder / "datasync.toml").write_text(CONFIG.format(origin=self.origin, folder=folder))
        command = Path(sys.executable).with_name("datasync")
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line.replace("datasync", f"'{command}'", 1)],
            env=kept(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def shell(workdir: Path) -> Iterator[Shell]:
    shell = Shell(workdir)
    with Server(shell.answer) as server:
        shell.origin = server.origin
        yield shell


def test_what_a_plugin_prints_is_not_among_the_rows(shell: Shell) -> None:
    (shell.folder / "mine.py").write_text(PRINTS)
    run = shell("datasync ingest --plugin mine.py --transform prints", folder="-")
    assert run.code == 0, run.stderr
    assert [json.loads(line) for line in run.stdout.splitlines()] == [{"id": "a"}, {"id": "b"}]
    said = [line for line in run.stderr.splitlines() if not line.startswith("{")]
    assert said[0] == "while it is loaded"
    assert sorted(said[1:]) == sorted(["a word of a in bytes", "a word of b in bytes", "of a child", "of a child"])


@pytest.mark.parametrize("redirection", ["", "2>&-", "2>/dev/full"])
def test_what_a_plugin_prints_is_not_in_the_summary_and_its_loss_stops_nothing(shell: Shell, redirection: str) -> None:
    source = PRINTS if not redirection else "\n".join(line for line in PRINTS.splitlines() if "subprocess." not in line)
    (shell.folder / "mine.py").write_text(source)
    run = shell(f"datasync ingest --json --plugin mine.py --transform prints {redirection}")
    assert run.code == 0, run.stderr
    assert json.loads(run.stdout)["rows"] == 2


def test_rows_and_summary_on_one_output_are_refused_before_anything_is_read(shell: Shell) -> None:
    run = shell("datasync ingest --json", folder="-")
    assert run.code == 2
    assert json.loads(run.stdout)["error"]["code"] == "config"
    assert shell.asked == []


def test_rows_for_an_output_that_is_closed_are_refused_before_anything_is_read(shell: Shell) -> None:
    run = shell("datasync ingest >&-", folder="-")
    assert run.code == 2
    assert "standard output, which is closed" in run.error["event"]
    assert run.error["hint"]
    assert shell.asked == []


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_a_summary_that_cant_be_written_is_an_error_though_the_rows_are_there(shell: Shell, redirection: str) -> None:
    run = shell(f"datasync ingest --json {redirection}")
    assert run.code == 1
    assert "can't write `standard output`" in run.error["event"]
    assert len((shell.folder / "data" / "e.jsonl").read_text().splitlines()) == 2
    again = shell("datasync ingest --json")
    assert (again.code, json.loads(again.stdout)["outcome"]) == (0, "complete")


@pytest.mark.parametrize("line", ["config schema", "completion bash", "plugins"])
@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_every_output_that_cant_be_written_is_an_error(shell: Shell, line: str, redirection: str) -> None:
    run = shell(f"datasync {line} {redirection}")
    assert run.code == 2
    first, second = run.stderr.splitlines()
    assert first.startswith("error: can't write `standard output`: ")
    assert second.startswith("hint: ")


@pytest.mark.parametrize("line", ["--help", "--version", "ingest --help"])
def test_a_help_that_cant_be_written_is_an_error_in_words(shell: Shell, line: str) -> None:
    run = shell(f"datasync {line} >/dev/full")
    assert run.code == 2
    first, second = run.stderr.splitlines()
    assert first.startswith("error: can't write `standard output`: ")
    assert second.startswith("hint: ")


def test_a_reader_that_has_had_enough_is_no_error(shell: Shell) -> None:
    assert shell("datasync config schema | head -c 1").stderr == ""


def test_a_current_folder_that_was_deleted_is_named(shell: Shell) -> None:
    shell(":")
    run = shell(f"mkdir gone; cd gone; rmdir ../gone; datasync ingest --config '{shell.folder}/datasync.toml'")
    assert run.code == 2
    assert "the current folder" in run.error["event"]
    assert shell.asked == []
