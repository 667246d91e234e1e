"""Places at which a run can be told to fail, for tests of what happens then. None is armed unless the environment says.

    DATASYNC_FAILPOINTS="copy_done=kill,token_refreshed=sleep:0.5@2"

`@n` is the n-th time that the place is passed, the first one if absent. It fails that once, and never again in this
process; with `@n+` each time from then on. The actions:

* `kill`: SIGKILL to this process.
* `error`: raise `Injected`, which no part of datasync expects.
* `sleep:SECONDS`: hold up the thread, the event loop with it, so that others can act in between.
* `panic`: in the native core; it arrives as `CorePanic`.
"""

import asyncio
import math
import os
import re
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from datasync import envvars
from datasync._native import on_failpoint
from datasync.errors import ConfigError

T = TypeVar("T")

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cursor_read": "The checkpoint was read; nothing was asked for yet.",
        "request_sent": "A request went out whole, for a page or for a token; nothing came back.",
        "headers_received": "An answer's status and headers are there, its body isn't.",
        "mid_body": "A first part of a body came, and its end wasn't seen.",
        "token_refreshed": "The API gave a token; nobody uses it yet.",
        "decoded": "A page became rows.",
        "enqueued": "A page and the checkpoint after it wait for the writer.",
        "lease_renewed": "The row of the shared budget granted or took back slots; this process hasn't counted them.",
        "shutdown_drain": "A signal came, fetching ended, and what was fetched is to be stored.",
        "migration_step": "The statements of one step ran; its version isn't written, and nothing is committed.",
        "copy_begun": "The server takes rows; none was sent.",
        "mid_copy": "Some rows were sent, and the COPY wasn't ended.",
        "copy_done": "The COPY ended.",
        "upsert_done": "Rows are in the target, in a transaction that is open.",
        "quarantine_written": "Rejects are in quarantine, in a transaction that is open.",
        "bisect": "A batch was refused, and its bad rows are being looked for.",
        "checkpoint_written": "Counts, windows and the partition's place are written, in a transaction that is open.",
        "final_reconcile": "The end is proven or not, and that isn't written.",
        "before_commit": "All of a batch is written; COMMIT wasn't sent.",
        "commit_sent": "COMMIT went out whole, and its answer wasn't read.",
        "after_commit": "The batch is stored, and this process hasn't taken note of it.",
        "native_encode": "Before a page is encoded.",
        "native_mid_encode": "The first record of a page was encoded.",
        "native_peek": "Before a page's envelope is walked.",
        "native_split": "Before a page is split into records.",
        "native_extract": "Before values are taken out of records.",
        "native_inflate": "Before a body is decompressed.",
        "native_mid_inflate": "There is room for what a body inflates to, and not all of it is there.",
        "native_sort": "Before the rows of pages are sorted, or sorted rows compared.",
        "native_copy_stream": "Before a piece of sorted rows is put together.",
        "native_mid_copy_stream": "There is room for a piece of sorted rows, and no row in it.",
        "native_timestamp": "Before one timestamp is read.",
        "native_timestamps": "Before many timestamps are read.",
    }
)
"""All places, with what is true there."""

_PREFIX: Final = "native_"


class Injected(RuntimeError):
    """A failpoint was told to raise."""


class _Point(msgspec.Struct):
    action: Callable[[], None]
    at: int
    on: bool
    passed: int = 0


_armed: dict[str, _Point] = {}


def failpoint(name: str) -> None:
    """Fail here, if this place is armed and it is its turn. Costs next to nothing otherwise.

    Raises:
        Injected: told to.
    """
    if _armed:
        _pass(name)


async def when_sent(name: str, work: Coroutine[Any, Any, T], unsent: Callable[[], int]) -> T:
    """Await `work`, which sends something and waits for an answer; fail at `name` once all is with the kernel.

    Args:
        name: of the place.
        work: writes all it has to send before it waits for the first time.
        unsent: bytes that still wait in this process.
    """
    if name not in _armed:
        return await work
    task = asyncio.create_task(work)
    await asyncio.sleep(0)  # it has written now
    while unsent() and not task.done():  # noqa: ASYNC110 - nothing tells when a transport is empty
        await asyncio.sleep(0)
    _pass(name)
    return await task


def arm(text: str) -> None:
    """Arm the places that `text` names, and no others. See the module for its form; empty is none.

    Raises:
        ConfigError: a name or an action is unknown: a misspelt one would make a test hold anything.
    """
    points = dict(_read(part.strip()) for part in text.split(",")) if text.strip() else {}
    if points and len(points) < len(text.split(",")):
        raise _unusable(text, "a name is there twice")
    _armed.clear()
    _armed.update(points)
    if any(name.startswith(_PREFIX) for name in points):
        on_failpoint(lambda name: _pass(_PREFIX + name))


def _pass(name: str) -> None:
    point = _armed.get(name)
    if point is None:
        assert name in NAMES, name
        return
    point.passed += 1
    if point.passed == point.at or (point.on and point.passed > point.at):
        point.action()


def _read(part: str) -> tuple[str, _Point]:
    name, _, what = part.partition("=")
    action, at_sign, at = what.partition("@")
    kind, _, amount = action.partition(":")
    if name not in NAMES:
        raise _unusable(part, f"there is no `{name}`; there are {', '.join(NAMES)}")
    if at_sign and re.fullmatch(r"[1-9][0-9]*\+?", at) is None:
        raise _unusable(part, "after @ stands a number from 1, and perhaps a +")
    native = name.startswith(_PREFIX)
    kinds = ("kill", "sleep", "panic" if native else "error")
    if kind not in kinds or (bool(amount) != (kind == "sleep")):
        raise _unusable(part, f"here the action is one of {', '.join(kinds)}, sleep as sleep:SECONDS")
    return name, _Point(_action(name, kind, amount, part), int(at.removesuffix("+") or 1), at.endswith("+"))


def _action(name: str, kind: str, amount: str, part: str) -> Callable[[], None]:
    if kind == "kill":
        return lambda: os.kill(os.getpid(), signal.SIGKILL)
    if kind == "sleep":
        try:
            seconds = float(amount)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            raise _unusable(part, "sleep takes seconds")
        return lambda: time.sleep(seconds)

    def fail() -> None:
        raise Injected(f"failpoint `{name}`")

    return fail


def _unusable(text: str, why: str) -> ConfigError:
    return ConfigError(
        f"{envvars.FAILPOINTS} can't be read: `{text}`: {why}",
        hint="it is for tests, as `name=action[@n[+]],..`; leave it out otherwise",
    )
