"""`datasync quarantine replay`."""

import sys
from pathlib import Path

import click
import msgspec
import structlog

from datasync import app, loop
from datasync.cli import configured
from datasync.cli.command import SETUP, STOPPED, Command
from datasync.cli.ending import ended, report
from datasync.cli.options import config_option, endpoint_option, env_file_option, plugin_option, transform_option
from datasync.cli.quarantine_common import ID, json_option, option, stream_and_code
from datasync.cli.show import json_line, visible
from datasync.cli.streams import output, printing_aside
from datasync.errors import EXIT_LEFT
from datasync.plugins import Plugins
from datasync.sinks.postgres.quarantined import Chosen
from datasync.sinks.postgres.replayed import Replayed


@click.command(
    cls=Command,
    examples={
        "datasync quarantine replay --all --dry-run": "what would become of them",
        "datasync quarantine replay 17 18": "two records",
        "datasync quarantine replay --all --plugin mend.py --transform mend": "all, changed on their way",
    },
    exits={0: "all chosen records passed", 1: "some still can't be stored"} | SETUP | STOPPED,
)
@click.argument("ids", metavar="[ID]...", nargs=-1, type=ID)
@stream_and_code
@option("--all", "everything", is_flag=True, help="all records")
@option("--dry-run", is_flag=True, help="say what would become of them, and change nothing")
@json_option("one JSON object for each stream")
@config_option
@endpoint_option(help="as for `ingest`, where the stream is not one of a known endpoint")
@transform_option(help="as for `ingest`")
@plugin_option(help="as for `ingest`")
@env_file_option
def replay(
    ids: tuple[int, ...],
    stream: str | None,
    code: str | None,
    everything: bool,
    dry_run: bool,
    as_json: bool,
    config: Path | None,
    endpoint: str | None,
    transforms: tuple[str, ...],
    plugins: tuple[Path, ...],
    env_file: Path | None,
) -> None:
    """Try the chosen records again: by ID, by --stream and --code, or --all.

    What can be stored by now is, and leaves quarantine; the rest stays there with its reason as of now. Wants the
    variables of `ingest`.
    """
    if [bool(ids), bool(stream or code), everything].count(True) != 1:
        raise click.UsageError("choose records by ID, or by --stream and --code, or --all")
    chosen = Chosen(ids=tuple(dict.fromkeys(ids)) or None, stream=stream, code=code)
    found: dict[str, Replayed] = {}

    def settled(name: str, done: Replayed) -> None:
        found.setdefault(name, Replayed()).add(done)

    with ended(plain=False), printing_aside():
        runs = configured.runs(config, env_file, endpoint=endpoint, transforms=transforms)
        report(runs[0].mask, plain=False)
        configured.find_functions_here()
        try:
            lacking = loop.run(app.replay(runs, Plugins(plugins), chosen, dry=dry_run, settled=settled))
        finally:
            with output(None) as out:
                for name, done in found.items():
                    values = {"stream": name, "dry_run": dry_run, **msgspec.structs.asdict(done)}
                    line = json_line(values) if as_json else visible(_words(name, done, dry_run))
                    out.write(line.encode() + b"\n")
        if not found:
            structlog.get_logger().info("nothing in quarantine, or nothing that was asked for")
        if lacking:
            structlog.get_logger().warning(
                "records that had the keys of others leave the stream short of what the API declared",
                missing=lacking,
                hint="`datasync ingest --restart` reads everything again; rows that are there stay as they are",
            )
        absent = len(chosen.ids or ()) and len(chosen.ids or ()) - sum(done.chosen for done in found.values())
        if absent:
            structlog.get_logger().warning("some ids are not in quarantine", not_found=absent)
    if absent or any(done.refused for done in found.values()):
        sys.exit(EXIT_LEFT)


def _words(stream: str, done: Replayed, dry: bool) -> str:
    text = (
        f"{'dry run: ' if dry else ''}{stream}: {done.chosen:,} chosen, {done.stored:,} stored,"
        f" {done.duplicates:,} seen before, {done.dropped:,} left out, {done.merged:,} merged,"
        f" {sum(done.refused.values()):,} still refused"
    )
    codes = ", ".join(f"{code} {count:,}" for code, count in sorted(done.refused.items()))
    return text + (f" ({codes}; {done.changed:,} for another reason than before)" if codes else "")
