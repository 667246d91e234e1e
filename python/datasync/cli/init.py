"""`datasync init`."""

import os
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
import structlog

from datasync import envvars, loop
from datasync.cli import options
from datasync.cli.command import STOPPED, Command
from datasync.cli.ending import ended, report
from datasync.cli.options import Seconds, env_file_option
from datasync.cli.show import visible
from datasync.cli.streams import output
from datasync.config import Masker, variables
from datasync.config.schema import MIN_MASKED
from datasync.config.spec import valid
from datasync.discovery import address as addresses
from datasync.discovery import credentials, spec, summary
from datasync.discovery.explore import PATIENCE, Options, explore
from datasync.discovery.findings import Findings
from datasync.errors import EXIT_SETUP, ConfigError, SourceError

option = options.of(envvars.INIT)


@click.command(
    cls=Command,
    examples={
        "datasync init https://api.example.com/v1/events --header X-API-Key:API_KEY": "with a key in a header",
        "datasync init https://api.example.com/v1/events --bearer-env TOKEN --table lake.events": "another table",
        "datasync init https://api.example.com/v1/events --query key:API_KEY --json": "all findings, for programs",
    },
    exits={0: "written", 2: "could not find it out, and wrote nothing"} | STOPPED,
)
@click.argument("url")
@option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VARIABLE",
    help="send a header with what the variable holds, like X-API-Key:API_KEY; may be given several times",
)
@option(
    "--query", "params", multiple=True, metavar="NAME:VARIABLE", help="send the key as a parameter of the URL instead"
)
@option("--bearer-env", "bearer", metavar="VARIABLE", help="send `Authorization: Bearer` with what it holds")
@option("--max-requests", type=click.IntRange(1, 1000), default=40, show_default=True, help="requests at most")
@option(
    "--max-wait",
    type=Seconds(endless=True),
    default=PATIENCE,
    show_default=True,
    metavar="SECONDS",
    help="wait this long in all for the rate limit; a refusal ends it at once",
)
@option(
    "--output",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("datasync.toml"),
    show_default=True,
    help="where to write the configuration",
)
@option("--table", metavar="NAME", help="of the table; that of the endpoint unless told")
@option("--force", "--yes", "force", is_flag=True, help="replace a file that is there")
@option("--cursor-wait", type=Seconds(), metavar="SECONDS", help="use a cursor again after so long, to see it end")
@option("--key-param", metavar="NAME", help="send the key as this parameter once, to see whether limits differ")
@option("--json", "as_json", is_flag=True, help="give all findings on stdout as JSON")
@env_file_option
def init(
    url: str,
    headers: tuple[str, ...],
    params: tuple[str, ...],
    bearer: str | None,
    max_requests: int,
    max_wait: float,
    file: Path,
    table: str | None,
    force: bool,
    cursor_wait: float | None,
    key_param: str | None,
    as_json: bool,
    env_file: Path | None,
) -> None:
    """Find out how an API is read, and write a datasync.toml. URL is that of a list of records.

    The file reads the key from the variable that is named here; the value itself never goes into it.
    """
    with ended():
        if file.exists() and not force:
            raise ConfigError(f"`{file}` is there", hint="--force replaces it, --output writes another one")
        if table is not None:
            valid.table("--table", table)
        address = addresses.parse(url)
        environ: Mapping[str, str] = {**variables(env_file), **os.environ}
        given = credentials.given(headers, params, bearer, environ)
        mask = Masker(one for one in given.secrets if len(one.reveal()) >= MIN_MASKED)
        report(mask)
        limits = Options(max_requests, max_wait, cursor_wait, key_param)
        try:
            findings = loop.run(explore(address, given, limits, waiting=_waiting))
            config = spec.config(findings, address, given, table)
        except SourceError as error:
            error.exit_code = EXIT_SETUP  # there is nothing that another run would go on with
            raise
        text = mask(spec.written(findings, config))
        with output(file) as out:
            out.write(text.encode())
        _say(findings, mask, file)
        if as_json:
            with output(None) as out:
                out.write(mask(msgspec.json.encode(findings).decode()).encode() + b"\n")


def _waiting(seconds: float) -> None:
    structlog.get_logger().info("waiting for the rate limit", seconds=round(seconds, 1))


def _say(findings: Findings, mask: Masker, file: Path) -> None:
    for line in summary.report(findings):
        click.echo(visible(mask(line)), err=True)
    click.echo(f"written: {file}; next: look at it, then `datasync ingest --config {file}`", err=True)
