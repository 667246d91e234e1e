"""A failpoint fails where and when it is told, and no test can name one that isn't there."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasync import failpoints
from datasync.errors import ConfigError
from datasync.failpoints import NAMES, Injected, arm, failpoint, when_sent
from tests.support import environment, finish, start

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("")


def test_nothing_happens_anywhere_unless_the_environment_says() -> None:
    arm("")
    for name in NAMES:
        failpoint(name)


def test_a_point_fails_once_at_the_pass_it_is_told_and_no_other_point_does() -> None:
    arm("decoded=error@3")
    for name in ("decoded", "enqueued", "decoded", "mid_body"):
        failpoint(name)
    with pytest.raises(Injected, match="decoded"):
        failpoint("decoded")
    failpoint("decoded")


def test_sleep_holds_the_thread_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    arm("copy_done=sleep:0.25")
    failpoint("copy_done")
    assert slept == [0.25]


@pytest.mark.parametrize("point", ["copy_done", "native_mid_encode"])
def test_kill_leaves_no_time_for_anything(point: str) -> None:
    code = """if True:
        import atexit, sys
        from datasync import _native, failpoints
        atexit.register(lambda: print("cleaned up"))
        failpoints.arm(sys.argv[1])
        encoder = _native.PageEncoder(b'{"records":"data","columns":[{"name":"id","path":"id","kind":"text"}]}')
        try:
            failpoints.failpoint("copy_done")
            encoder.encode(b'{"data":[{"id":"a"}]}', now_us=0)
        finally:
            print("cleaned up")
        """
    done = subprocess.run([sys.executable, "-c", code, f"{point}=kill"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGKILL, "", "")


def test_what_is_sent_is_out_and_not_answered() -> None:
    here, there = socket.socketpair()
    seen: list[bytes] = []
    arm("commit_sent=error")

    async def talk() -> None:
        reader, writer = await asyncio.open_connection(sock=here)

        async def ask() -> bytes:
            writer.write(b"COMMIT")
            return await reader.read(1)

        work = ask()
        try:
            await when_sent("commit_sent", work, writer.transport.get_write_buffer_size)
        except Injected:
            there.setblocking(False)  # so that it's there, or an error
            seen.append(there.recv(100))
            there.send(b"!")
            await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        finally:
            writer.close()

    asyncio.run(talk())
    there.close()
    assert seen == [b"COMMIT"]


@pytest.mark.parametrize(
    "text",
    [
        "copy_dne=kill",
        "copy_done",
        "copy_done=",
        "copy_done=die",
        "copy_done=kill@0",
        "copy_done=kill@",
        "copy_done=kill@x",
        "copy_done=kill:1",
        "copy_done=sleep",
        "copy_done=sleep:",
        "copy_done=sleep:x",
        "copy_done=sleep:-1",
        "copy_done=sleep:inf",
        "copy_done=panic",
        "native_encode=error",
        "copy_done=kill,",
        "copy_done=kill,copy_done=error@2",
        "copy_done=kill;mid_copy=kill",
    ],
)
def test_a_text_with_a_mistake_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        arm(text)
    assert caught.value.hint
    failpoint("copy_done")


def test_a_misspelt_point_ends_a_run_before_it_begins(workdir: Path) -> None:
    env = environment("postgresql://nobody@127.0.0.1:1/none", "http://127.0.0.1:1", DATASYNC_FAILPOINTS="copy_dne=kill")
    run = finish(start(["ingest"], env))
    assert (run.code, run.error["code"]) == (2, "config")
    assert "copy_dne" in run.error["event"]


def test_every_name_is_passed_somewhere_and_every_place_has_a_name() -> None:
    python = "".join(path.read_text() for path in (ROOT / "python/datasync").rglob("*.py"))
    passed = set(re.findall(r'(?:failpoint|when_sent)\(\s*"(\w+)"', python))
    rust = "".join(path.read_text() for path in (ROOT / "rust").glob("*/src/**/*.rs"))
    passed |= {f"native_{name}" for name in re.findall(r'failpoints::pass\("(\w+)"\)', rust)}
    passed |= {f"native_{name}" for name in re.findall(r'(?:detached\(py|caught\(), "(\w+)"', rust)}
    passed |= {f"native_{name}" for name in re.findall(r'caught\("(\w+)"', rust)}
    assert passed == set(NAMES)


def test_the_page_about_failpoints_lists_all_of_them() -> None:
    names = (ROOT / "docs/failpoints.md").read_text().partition("| name |")[2]
    listed = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", names, re.MULTILINE))
    assert listed == dict(failpoints.NAMES)
