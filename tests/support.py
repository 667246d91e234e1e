"""Small helpers shared by the tests."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import asyncpg

import datasync
from datasync.simulator import SimulatorProcess

API_KEY = "canary-5f1d7c-key"
"""The key of all tests. No output may hold it."""


class Clock:
    """A monotonic clock that moves only when told, and sleeps without waiting."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Database:
    """A database of the test's own."""

    dsn: str
    name: str
    admin_dsn: str

    @classmethod
    def create(cls, admin_dsn: str, name: str) -> Self:
        asyncio.run(_execute(admin_dsn, f'CREATE DATABASE "{name}"'))
        parts = urlsplit(admin_dsn)
        # urlunsplit would drop the empty host of a socket's URL.
        dsn = f"{parts.scheme}://{parts.netloc}/{name}" + (f"?{parts.query}" if parts.query else "")
        return cls(dsn, name, admin_dsn)

    def drop(self) -> None:
        asyncio.run(_execute(self.admin_dsn, f'DROP DATABASE "{self.name}" WITH (FORCE)'))

    def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        return asyncio.run(_fetch(self.dsn, query, *arguments))

    def value(self, query: str, *arguments: object) -> Any:
        return self.fetch(query, *arguments)[0][0]

    def execute(self, statements: str) -> None:
        asyncio.run(_execute(self.dsn, statements))


async def _execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


async def _fetch(dsn: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()


@dataclass(frozen=True)
class Run:
    """A finished `datasync ingest`."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log, one object per line."""
        return [json.loads(line) for line in self.stderr.splitlines()]

    def line(self, event: str) -> dict[str, Any]:
        """The one log line with this message."""
        found = [line for line in self.lines if line["event"] == event]
        assert len(found) == 1, self.stderr
        return found[0]

    @property
    def error(self) -> dict[str, Any]:
        """The last error."""
        return [line for line in self.lines if line["level"] == "error"][-1]


def kept() -> dict[str, str]:
    """What a user's shell would have, and the sources that are tested: another copy may be installed."""
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE")
    sources = {"PYTHONPATH": str(Path(datasync.__file__).parents[1])}
    return {name: os.environ[name] for name in keep if name in os.environ} | sources


def environment(dsn: str, base_url: str, *, key: str = API_KEY, **more: str) -> dict[str, str]:
    """The same with what `ingest` needs."""
    return kept() | {"DATABASE_URL": dsn, "API_BASE_URL": base_url, "API_KEY": key} | more


def start(arguments: list[str], env: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start `datasync` with pipes for both outputs."""
    return subprocess.Popen(
        [Path(sys.executable).with_name("datasync"), *arguments],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]", *, timeout: float = 120) -> Run:
    """Wait for a started `datasync`."""
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return Run(process.returncode, stdout, stderr)


def command(arguments: list[str], env: Mapping[str, str] = {}, *, stdin: str = "") -> Run:
    """Run any `datasync` to its end, with what a user's shell would have and `env`."""
    done = subprocess.run(
        [Path(sys.executable).with_name("datasync"), *arguments],
        env=kept() | dict(env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def ingest(dsn: str, base_url: str, *arguments: str, **env: str) -> Run:
    """Run `datasync ingest` to its end, as a process of its own."""
    return finish(start(["ingest", *arguments], environment(dsn, base_url, **env)))


def kill_once_served(process: "subprocess.Popen[str]", api: SimulatorProcess, answers: int, then: float) -> None:
    """SIGKILL it `then` seconds after the API has given so many answers in all; it must run until that."""
    deadline = time.monotonic() + 60
    while len(api.served()) < answers and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(then)
    assert process.poll() is None, "killed while it runs"
    process.kill()
    assert finish(process).code == -9
