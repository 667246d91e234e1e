"""`datasync plugins`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from datasync import envvars
from datasync.cli import options
from datasync.cli.command import DONE, SETUP, STOPPED, Command
from datasync.cli.ending import ended, report
from datasync.cli.options import plugin_option
from datasync.cli.plugin_commands import known_secrets
from datasync.cli.show import json_line, visible
from datasync.cli.streams import output
from datasync.config import Masker
from datasync.http.redact import redact
from datasync.plugins import Kind, Loaded, Plugins

option = options.of(envvars.PLUGINS)

_REGISTERED: Final[Mapping[Kind, str]] = {
    "auth": "auths",
    "endpoint": "endpoints",
    "transform": "transforms",
    "sink": "sinks",
    "executor": "executors",
}


@click.command(
    cls=Command,
    examples={
        "datasync plugins": "those that are installed, and our own",
        "datasync plugins --plugin mine.py": "with one in a file",
        "datasync plugins --json": "one JSON object on each line",
    },
    exits=DONE | SETUP | STOPPED,
)
@plugin_option(help="look at a plugin in a .py file, too; may be given several times")
@option("--json", "as_json", is_flag=True, help="one JSON object on each line")
def plugins(plugins: tuple[Path, ...], as_json: bool) -> None:
    """List the plugins, what they offer, and what is wrong with them."""
    with ended():
        mask = known_secrets()
        report(mask)
        rows = [_row(one, mask) for one in Plugins(plugins, tolerant=True).all]
        lines = map(json_line, rows) if as_json else (line for row in rows for line in _shown(row))
        with output(None) as out:
            for line in lines:
                out.write(line.encode() + b"\n")


def _row(one: Loaded, mask: Masker) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "package": one.distribution,
        "from": one.origin,
        "hooks": list(one.hooks),
        **{plural: list(one.registered.get(kind, ())) for kind, plural in _REGISTERED.items()},
        "failure": None if one.failure is None else redact(mask(str(one.failure))),
        "hint": None if one.failure is None else one.failure.hint,
    }


def _shown(row: Mapping[str, Any]) -> Iterator[str]:
    package = " ".join(filter(None, (row["package"], row["version"])))
    yield visible(f"{row['name']} ({', '.join(filter(None, (row['from'], package)))})")
    for key in ("hooks", *_REGISTERED.values()):
        if row[key]:
            yield visible(f"  {key}: {', '.join(row[key])}")
    if row["failure"]:
        yield visible(f"  left out: {row['failure']}")
        if row["hint"]:
            yield visible(f"  hint: {row['hint']}")
