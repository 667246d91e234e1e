"""`datasync state show`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec

from datasync.cli import database
from datasync.cli.command import DONE, SETUP, STOPPED, Command
from datasync.cli.ending import ended
from datasync.cli.options import env_file_option
from datasync.cli.show import json_line, table, visible
from datasync.cli.state_common import VERSION, Export, Known, Part, known, option
from datasync.cli.status_text import ago, state
from datasync.cli.streams import output
from datasync.config import Masker
from datasync.errors import ConfigError, StreamUnknown
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import forget

COLUMNS = {
    "number": "NUMBER",
    "since": "SINCE",
    "until": "UNTIL",
    "complete": "COMPLETE",
    "pages": "PAGES",
    "served": "SERVED",
    "position": "POSITION",
    "cursor": "CURSOR",
}


@click.command(
    cls=Command,
    examples={
        "datasync state show datasync.events": "everything about a stream",
        "datasync state show datasync.events --json": "the same for programs",
        "datasync state show datasync.events --file state.json": "as an export had it",
    },
    exits=DONE | SETUP | STOPPED,
)
@click.argument("stream")
@option("--json", "as_json", is_flag=True, help="one JSON object")
@option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="look into what `state export` wrote, not into the database",
)
@env_file_option
def show(stream: str, as_json: bool, file: Path | None, env_file: Path | None) -> None:
    """Show everything about STREAM: its counters, and each partition's window, position and cursor."""

    def write(found: Known) -> None:
        values = {"stream": msgspec.to_builtins(found.stream), "partitions": msgspec.to_builtins(found.partitions)}
        lines = [json_line(values)] if as_json else _lines(found)
        with output(None) as out:
            out.writelines(line.encode() + b"\n" for line in lines)

    async def use(connection: Connection, _mask: Masker) -> None:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = await known(connection, await forget.find(connection, stream))
        write(found)

    if file is None:
        database.read(env_file, use)
        return
    with ended():
        write(_exported(file, stream))


def _exported(file: Path, name: str) -> Known:
    try:
        export = msgspec.json.decode(file.read_bytes(), type=Export)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"`{file}` is no export: {error}", hint="`datasync state export` writes one") from error
    if export.version != VERSION:
        raise ConfigError(f"`{file}` is of version {export.version}, not {VERSION}", hint="export it anew")
    for one in export.streams:
        if one.stream.stream == name:
            return one
    names = ", ".join(one.stream.stream for one in export.streams)
    raise StreamUnknown(f"no stream `{name}` in `{file}`", hint=f"known: {names or 'none'}")


def _lines(found: Known) -> Iterator[str]:
    stream = found.stream
    for title, value in (
        ("stream", stream.stream),
        ("state", state(stream)),
        ("source", stream.source or "unknown"),
        ("table", stream.table),
        ("rows", f"{stream.rows:,}"),
        ("updated", f"{stream.updated:,}"),
        ("unchanged", f"{stream.unchanged:,}"),
        ("duplicates", f"{stream.duplicates:,}"),
        ("quarantined", f"{stream.quarantined:,}"),
        ("dropped", f"{stream.dropped:,}"),
        ("served", f"{stream.served:,}"),
        ("total", "not told" if stream.total is None else f"{stream.total:,}"),
        ("pages", f"{stream.pages:,}"),
        ("last write", f"{ago(stream.age)}" if stream.age is not None else "unknown"),
        ("epoch", f"{stream.epoch}, batch {stream.batch}"),
        ("partitions", f"{stream.partitions_complete} of {stream.partitions} complete"),
    ):
        yield f"{title + ':':<13}{visible(value)}"
    yield ""
    yield from table([_row(part) for part in found.partitions], COLUMNS)


def _row(part: Part) -> dict[str, object]:
    return {
        "number": part.number,
        "since": part.since_value or _moment(part.since_ms) or "beginning",
        "until": part.until_value or _moment(part.until_ms) or "end",
        "complete": "yes" if part.complete else "no",
        "pages": part.pages,
        "served": part.served,
        "position": "" if part.position is None else msgspec.json.encode(part.position).decode(),
        "cursor": "first page" if part.cursor is None else part.cursor,
    }


def _moment(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds} ms"
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
