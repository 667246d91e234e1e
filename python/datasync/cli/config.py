"""`datasync config`: what a configuration says, and what one may say."""

import json
import os
from pathlib import Path

import click

from datasync import envvars
from datasync.cli.ending import ended
from datasync.cli.quarantine_common import json_option
from datasync.cli.streams import output

EPILOG = f"""
\b
Environment (or .env):
  {envvars.CONFIG}   the file to read, instead of a datasync.toml here
"""


@click.group(epilog=EPILOG)
def config() -> None:
    """Look at the configuration, and at what may stand in one."""


@config.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="read variables from this file instead of .env",
)
@json_option("as JSON")
def show(file: Path | None, env_file: Path | None, as_json: bool) -> None:
    """Show what FILE comes to, with all defaults: a configuration itself, without the secrets.

    Without FILE it is what DATASYNC_CONFIG names, then ./datasync.toml, then what the variables of `datasync ingest`
    say alone. What was a variable or a file stays one; other secrets are ***.
    """
    from datasync.config import file as files  # noqa: PLC0415  # the other commands start sooner without
    from datasync.config import hidden, load, preset, toml  # noqa: PLC0415

    with ended():
        path = file or files.find(os.environ, env_file=env_file)
        if path is None:
            found = preset.config(load(os.environ, env_file=env_file))
        else:
            found = files.read(path, os.environ, env_file=env_file)
        plain = hidden.masked(found)
        text = json.dumps(plain, indent=2) + "\n" if as_json else toml.dumps(plain)
        with output(None) as out:
            out.write(text.encode())


@config.command()
def schema() -> None:
    """Print the JSON Schema of a configuration, for editors."""
    from datasync.config import jsonschema  # noqa: PLC0415  # the other commands start sooner without

    with ended(), output(None) as out:
        out.write(json.dumps(jsonschema.schema(), indent=2).encode() + b"\n")
