"""Puts the help of every command into docs/cli.md: `make docs`. A test fails while it isn't current."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from datasync.cli import main

DOCUMENT = Path(__file__).with_name("cli.md")
WIDTH = 100

_BLOCK = re.compile(r"(?P<begin><!-- help of: (?P<name>[a-z -]+) -->\n).*?(?P<end><!-- end of help -->)", re.DOTALL)


def commands(command: click.Command = main, name: str = "datasync") -> Iterator[tuple[str, click.Command]]:
    """Give every command with its full name, groups before what is in them."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for part in command.list_commands(context):
            found = command.get_command(context, part)
            if found is not None and not found.hidden:
                yield from commands(found, f"{name} {part}")


def help_of(name: str, command: click.Command) -> str:
    """Give what `--help` shows, in lines of at most WIDTH characters."""
    settings = {**main.context_settings, **command.context_settings}
    context = click.Context(command, info_name=name, terminal_width=WIDTH, **settings)
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    return "\n".join(lines)


def generate(text: str) -> str:
    """Give the document with the help of each command as it is now; a command that it lacks comes last."""
    helps = {name: help_of(name, command) for name, command in commands()}
    there = {found["name"] for found in _BLOCK.finditer(text)}
    for name in helps:
        if name not in there:
            text += f"\n## {name}\n\n<!-- help of: {name} -->\n<!-- end of help -->\n"

    def current(found: re.Match[str]) -> str:
        if found["name"] not in helps:
            raise SystemExit(f"docs/cli.md has a section on `{found['name']}`, which is no command: take it out")
        return f"{found['begin']}\n```text\n{helps[found['name']]}\n```\n\n{found['end']}"

    return _BLOCK.sub(current, text)


if __name__ == "__main__":
    old = DOCUMENT.read_text()
    new = generate(old)
    if "--check" in sys.argv and new != old:
        raise SystemExit("docs/cli.md is not current: run `make docs`")
    DOCUMENT.write_text(new)
