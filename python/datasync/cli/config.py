"""`datasync config`: what a configuration says, and what one may say."""

import json
import os
from pathlib import Path

import click

from datasync import envvars
from datasync.cli import options
from datasync.cli.command import DONE, SETUP, STOPPED, Command, Group
from datasync.cli.ending import ended
from datasync.cli.options import env_file_option
from datasync.cli.streams import output
from datasync.config import file as files
from datasync.config import hidden, jsonschema, load, preset, toml

option = options.of(envvars.CONFIG_SHOW)


@click.group(
    cls=Group,
    examples={
        "datasync config show": "what a run would go by, with all defaults",
        "datasync config schema > datasync.schema.json": "for an editor that completes and checks",
    },
)
def config() -> None:
    """Show the configuration, or its JSON Schema."""


@config.command(
    cls=Command,
    examples={
        "datasync config show": "what a run would go by, with all defaults",
        "datasync config show other.toml": "of this file",
        "datasync config show > datasync.toml": "a file that says what the variables say",
    },
    exits=DONE | SETUP | STOPPED,
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@option("--json", "as_json", is_flag=True, help="as JSON")
@env_file_option
def show(file: Path | None, env_file: Path | None, as_json: bool) -> None:
    """Show what FILE comes to, with all defaults: a configuration itself, without the secrets.

    Without FILE it is what DATASYNC_CONFIG names, then ./datasync.toml, then what the variables of `datasync ingest`
    say alone. What was a variable or a file stays one; other secrets are ***.
    """
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


@config.command(
    cls=Command,
    examples={"datasync config schema > datasync.schema.json": "for an editor that completes and checks"},
    exits=DONE | SETUP | STOPPED,
)
def schema() -> None:
    """Print the JSON Schema of a configuration, for editors."""
    with ended(), output(None) as out:
        out.write(json.dumps(jsonschema.schema(), indent=2).encode() + b"\n")
