"""A sink of a plugin that fails is named, whatever it raises or gives; the exit code says whether rows may be there."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripted import Server
from tests.support import API_KEY, Run, kept

SINK = """
import os
import datasync
import msgspec
from datasync.config.spec import JsonlTo
from datasync.sinks.jsonl.sink import JsonlSink

HOW = os.environ["HOW"]

class Sink:
    def __init__(self, inner, secret):
        self.inner, self.secret, self.batches = inner, secret, 0
    @property
    def writers(self):
        return {"writers 0": 0, "writers -1": -1, "writers text": "2", "writers true": True}.get(HOW, 1)
    async def connect(self):
        if HOW == "connect raises": raise OSError("no way to it with " + self.secret)
        if HOW == "connect exits": raise SystemExit(0)
        found = await self.inner.connect()
        return {"connect None": None, "connect other": ("state",)}.get(HOW, found)
    async def open(self):
        found = await self.inner.open()
        return () if HOW == "open nothing" else found
    async def commit(self, batch):
        self.batches += 1
        if HOW == "commit raises" and self.batches == 1: raise RuntimeError("broke with " + self.secret)
        done = await self.inner.commit(batch)
        return None if HOW == "commit None" else done
    async def close(self):
        await self.inner.close()
        if HOW.endswith("close raises"): raise ValueError("can't close with " + self.secret)

class Both(Sink):
    async def connect(self):
        raise KeyError("first")

def factory(settings, stream, plan):
    to = JsonlTo(folder=settings.to.options["folder"])
    inner = JsonlSink(msgspec.structs.replace(settings, to=to), stream, plan)
    return (Both if HOW == "both close raises" else Sink)(inner, settings.to.secrets["token"].reveal())

@datasync.hookimpl
def register_sinks(register):
    register("mine", factory)
"""

CONFIG = """
[api]
base_url = "{origin}"
[sink]
kind = "plugin"
name = "mine"
options = {{ folder = "data" }}
secrets = {{ token = "${{TOKEN}}" }}
[[endpoint]]
name = "e"
path = "/e"
table = {{ columns = ["id text key"] }}
"""


@pytest.fixture
def origin() -> Iterator[str]:
    with Server(lambda _asked: (200, {}, json.dumps([{"id": "a"}]).encode())) as server:
        yield server.origin


def run(origin: str, workdir: Path, how: str) -> Run:
    (workdir / "mine.py").write_text(SINK)
    (workdir / "datasync.toml").write_text(CONFIG.format(origin=origin))
    done = subprocess.run(
        [Path(sys.executable).with_name("datasync"), "ingest", "--json", "--plugin", "mine.py"],
        env=kept() | {"TOKEN": API_KEY, "HOW": how},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert API_KEY not in done.stdout + done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("writers 0", 2, "`writers` gives 0, not a number"),
        ("writers -1", 2, "`writers` gives -1, not a number"),
        ("writers text", 2, "`writers` gives '2', not a number"),
        ("writers true", 2, "`writers` gives True, not a number"),
        ("connect raises", 2, "`connect` raises OSError: no way to it with ***"),
        ("connect exits", 2, "`connect` raises SystemExit"),
        ("connect None", 2, "`connect` gives None, not a tuple"),
        ("connect other", 2, "`connect` gives ('state',), not a tuple"),
        ("open nothing", 2, "`open` gives (), not one PartitionState"),
        ("commit raises", 1, "`commit` raises RuntimeError: broke with ***"),
        ("commit None", 1, "`commit` gives None, not a Committed"),
        ("close raises", 1, "`close` raises ValueError: can't close with ***"),
    ],
)
def test_a_sink_that_breaks_its_contract_is_named_with_what_it_did(
    origin: str, workdir: Path, how: str, code: int, said: str
) -> None:
    done = run(origin, workdir, how)
    assert done.code == code, done.stderr
    assert done.error["event"].startswith("the sink `mine` of `mine.py`: " + said)
    assert (done.error["code"], "check_sink" in done.error["hint"]) == ("plugin", True)
    assert "ingestion complete" not in done.stderr
    found = json.loads(done.stdout)
    assert (found["outcome"], found["error"]["code"]) == ("failed", "plugin")


def test_what_went_wrong_first_is_what_ends_the_run(origin: str, workdir: Path) -> None:
    done = run(origin, workdir, "both close raises")
    errors = [line["event"] for line in done.lines if line["level"] == "error"]
    assert ["`close` raises" in errors[0], "`connect` raises KeyError" in errors[1]] == [True, True]
    assert json.loads(done.stdout)["error"]["message"] == errors[1]


def test_a_sink_that_keeps_its_contract_is_one_like_ours(origin: str, workdir: Path) -> None:
    assert run(origin, workdir, "well").code == 0
    assert (workdir / "data" / "e.jsonl").read_text() == '{"id":"a"}\n'
