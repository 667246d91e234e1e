"""`datasync status --watch`: the streams each second, until a signal."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import Final

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from datasync.cli.show import json_line, visible
from datasync.cli.status_text import COLUMNS, NUMBERS, cells, line
from datasync.cli.streams import output
from datasync.sinks.postgres.streams import Stream

EVERY: Final = 1.0
"""Seconds between two looks."""

EXIT_TERMINATED: Final = 143


async def streams(look: Callable[[], Awaitable[Sequence[Stream]]], *, as_json: bool) -> None:
    """Show what `look` gives until SIGINT, or until SIGTERM, which ends the process with 143."""
    stop: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def stopped(code: int) -> None:
        if not stop.done():
            stop.set_result(code)

    for number, code in ((signal.SIGINT, 0), (signal.SIGTERM, EXIT_TERMINATED)):
        asyncio.get_running_loop().add_signal_handler(number, stopped, code)
    on_terminal = not as_json and sys.stdout is not None and sys.stdout.isatty()
    live = Live(console=Console(), auto_refresh=False) if on_terminal else None
    changes = _Changes(as_json=as_json)
    with live or nullcontext():
        while not stop.done():
            found = await look()
            if live is not None:
                live.update(_table(found), refresh=True)
            else:
                changes.write(found)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(stop), EVERY)
    if code := stop.result():
        sys.exit(code)


class _Changes:
    """Writes a line for each stream that isn't as it was."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._before: dict[str, Stream] = {}

    def write(self, found: Sequence[Stream]) -> None:
        for stream in found:
            same = msgspec.structs.replace(stream, age=None)
            if self._before.get(stream.stream) == same:
                continue
            self._before[stream.stream] = same
            now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            text = json_line(msgspec.structs.asdict(stream)) if self._as_json else visible(f"{now} {line(stream)}")
            with output(None) as out:
                out.write(text.encode() + b"\n")


def _table(found: Sequence[Stream]) -> Table | Text:
    if not found:
        return Text("no streams in this database yet")
    table = Table(box=None, pad_edge=False)
    for key, title in COLUMNS.items():
        table.add_column(title, justify="right" if key in NUMBERS else "left")
    for stream in found:
        known = cells(stream)
        # Text, since rich takes brackets in a str for markup.
        row = [Text(f"{known[key]:,}" if key in NUMBERS else visible(str(known[key]))) for key in COLUMNS]
        table.add_row(*row, style="bold" if stream.running else None)
    return table
