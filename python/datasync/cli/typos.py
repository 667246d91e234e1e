"""Variables that look like those of a command's options, and that nothing reads."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

import click

from datasync import envvars

_PREFIXES: Final = tuple(value for name, value in vars(envvars).items() if name.isupper() and value.endswith("_"))
_ALIKE: Final = 0.8
"""Of what stands behind the prefix: other commands may have options with the same one."""


def refuse(command: click.Command, names: Iterable[str]) -> None:
    """Raise UsageError for a name that resembles the variable of one of the command's options, and is none."""
    known = {one.envvar for one in command.params if isinstance(one.envvar, str)}
    for prefix in _PREFIXES:
        ours = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
        for name in names:
            if not name.startswith(prefix) or name in known:
                continue
            if meant := get_close_matches(name.removeprefix(prefix), ours, n=1, cutoff=_ALIKE):
                raise click.UsageError(f"nothing reads the variable {name}: is {prefix}{meant[0]} meant?")
