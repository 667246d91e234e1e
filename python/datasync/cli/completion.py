"""`datasync completion`."""

from typing import Final

import click
from click.shell_completion import ShellComplete, get_completion_class

from datasync.cli.command import DONE, Command
from datasync.cli.ending import ended
from datasync.cli.streams import output

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_DATASYNC_COMPLETE"


@click.command(
    cls=Command,
    examples={
        "datasync completion bash > ~/.local/share/bash-completion/completions/datasync": "install for bash 4.4 on",
        "datasync completion zsh > ~/.zsh/completions/_datasync": "install for zsh, with that folder in $fpath",
        "datasync completion fish > ~/.config/fish/completions/datasync.fish": "install for fish",
        'eval "$(datasync completion bash)"': "try it in this shell",
    },
    exits=DONE | {2: "no such shell"},
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in SHELL."""
    kind = get_completion_class(shell)
    assert kind is not None  # click has these three
    # Not the class's own: that of bash asks the bash at hand for its version, and complains.
    script = ShellComplete.source(kind(context.find_root().command, {}, "datasync", VARIABLE))
    with ended(), output(None) as out:
        out.write(script.encode() + b"\n")
