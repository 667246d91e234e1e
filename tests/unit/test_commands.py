"""What all commands have in common."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from datasync import envvars
from datasync.cli import COMMANDS, main
from datasync.cli.command import Command
from datasync.cli.options import env_file_option, loaded, option
from datasync.config import suspect
from docs.generate import commands
from tests.here import Here
from tests.support import command, kept

HEAVY = ("httpx", "asyncpg", "rich", "starlette", "uvicorn", "structlog", "pluggy", "msgspec", "asyncio")


def leaves() -> Iterator[tuple[str, click.Command]]:
    yield from ((name, found) for name, found in commands() if not isinstance(found, click.Group))


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_what_says_only_what_there_is_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom datasync.cli import main\ntry:\n"
        f"    main({arguments!r})\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=kept(), capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert not loaded.intersection(HEAVY)
    assert all(f"  {name} " in done.stdout for name in COMMANDS) == (arguments == ["--help"])


def test_no_command_imports_rich_before_it_draws_and_all_can_then() -> None:
    program = (
        "import sys, click\nfrom datasync.cli import main\n"
        "def load(group):\n"
        "    for name in [*group.commands]:\n"
        "        command = group.commands[name]\n"
        "        if isinstance(command, click.Group): load(command)\n"
        "load(main)\n"
        "print('structlog' in sys.modules, 'httpx' in sys.modules, 'rich' in sys.modules)\n"
        "import rich.console, pygments"
    )
    done = subprocess.run([sys.executable, "-c", program], env=kept(), capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_group_says_of_a_command_what_the_command_says_itself(name: str) -> None:
    found = main.commands[name]
    assert found.name == name
    assert found.help is not None
    assert found.help.startswith(COMMANDS[name].help.rstrip("."))


def test_completion_offers_all_commands_without_importing_them() -> None:
    env = {"_DATASYNC_COMPLETE": "bash_complete", "COMP_WORDS": "datasync st", "COMP_CWORD": "1"}
    assert command([], env).stdout.splitlines() == ["plain,status", "plain,state"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_each_shell_calls_this_command(shell: str) -> None:
    done = command(["completion", shell], {"PATH": "/nowhere"})
    assert (done.code, done.stderr) == (0, "")
    assert f"_DATASYNC_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize("name", [name for name, _ in leaves()])
def test_every_option_has_a_variable_that_is_known_and_named_in_its_help(name: str) -> None:
    found = dict(commands())[name]
    for parameter in found.params:
        if isinstance(parameter, click.Option):
            assert isinstance(parameter.envvar, str), parameter.name
            assert parameter.show_envvar
            suspect.refuse_typos([], [parameter.envvar])


@pytest.mark.parametrize("name", [name for name, _ in leaves()])
def test_every_example_in_a_help_is_of_this_command_and_parses(name: str) -> None:
    found = dict(commands())[name]
    assert isinstance(found, Command)
    assert {0, 2} <= found.exits.keys()
    for example in found.examples:
        words = example.removeprefix('eval "$(').removesuffix(')"').partition(" > ")[0].split()
        path = name.split()
        if words[: len(path)] != path:
            assert words[0] == "datasync"  # one that goes with it
            continue
        used = {word for word in words[len(path) :] if word.startswith("-")}
        assert used <= {opt for parameter in found.params for opt in parameter.opts}, example


def values(file: Path, text: str, arguments: list[str], env: Mapping[str, str]) -> dict[str, object]:
    seen: dict[str, object] = {}

    @click.command()
    @option("DATASYNC_PLUGIN", "--plugin", multiple=True, type=click.Path(path_type=Path))
    @option("DATASYNC_TRANSFORM", "--transform", multiple=True)
    @option("DATASYNC_RESTART", "--restart", is_flag=True)
    @loaded("DATASYNC_MEMORY", "--memory")
    @env_file_option
    def show(**found: object) -> None:
        seen.update(found)

    file.write_text(text)
    done = CliRunner().invoke(show, ["--env-file", str(file), *arguments], env=dict(env))
    assert done.exit_code == 0, done.output
    return seen


def test_an_option_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    variables = tmp_path / "vars"
    text = "DATASYNC_TRANSFORM='a b'\nDATASYNC_PLUGIN=one.py:two.py\nDATASYNC_RESTART=1\n"
    found = values(variables, text, [], {})
    assert (found["transform"], found["restart"]) == (("a", "b"), True)
    assert found["plugin"] == (Path("one.py"), Path("two.py"))
    assert values(variables, text, [], {"DATASYNC_TRANSFORM": "c"})["transform"] == ("c",)
    assert values(variables, text, [], {"DATASYNC_RESTART": "0"})["restart"] is False
    found = values(variables, text, ["--transform", "d"], {"DATASYNC_TRANSFORM": "c"})
    assert found["transform"] == ("d",)


def test_what_the_settings_read_themselves_is_left_to_them(tmp_path: Path) -> None:
    # Else the file's value would come as an option's, and win over the environment.
    file = tmp_path / "vars"
    assert values(file, "DATASYNC_MEMORY=2GiB\n", [], {"DATASYNC_MEMORY": "1GiB"})["memory"] is None
    assert values(file, "", ["--memory", "3GiB"], {})["memory"] == "3GiB"


@pytest.mark.parametrize("variable", [name for name in vars(envvars) if name.isupper()])
def test_no_variable_of_a_setting_looks_like_one_of_a_commands_options(variable: str) -> None:
    value = getattr(envvars, variable)
    prefixes = [known for name, known in vars(envvars).items() if name.isupper() and known.endswith("_")]
    assert value in prefixes or not value.startswith(tuple(prefixes))


def on_terminal(arguments: list[str], env: Mapping[str, str]) -> bytes:
    master, slave = pty.openpty()
    done = subprocess.Popen(
        [Path(sys.executable).with_name("datasync"), *arguments],
        env=kept() | {"TERM": "xterm-256color"} | dict(env),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    seen = b""
    try:
        while part := os.read(master, 65536):
            seen += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(master)
    done.wait()
    return seen


@pytest.mark.usefixtures("workdir")
def test_no_color_keeps_colours_off_a_terminal() -> None:
    assert b"\x1b[3" in on_terminal(["ingest"], {})
    plain = on_terminal(["ingest"], {"NO_COLOR": "1"})
    assert b"not set: DATABASE_URL" in plain
    assert b"\x1b[3" not in plain


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize("line", ["status", "state show s", "state export", "state reset s --yes"])
def test_an_error_is_a_line_with_a_hint_and_no_output(here: Here, line: str) -> None:
    done = here("postgresql://u:canary-pw@127.0.0.1:1/d", *line.split(), code=2)
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith("error: connecting to PostgreSQL")
    assert second.startswith("hint: ")
    assert "canary-pw" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "init http://127.0.0.1:1/x --cursor-wait nan",
        "init http://127.0.0.1:1/x --cursor-wait inf",
        "init http://127.0.0.1:1/x --max-wait nan",
        "demo --events -5",
    ],
)
def test_a_number_that_is_none_is_refused_with_the_usage(here: Here, line: str) -> None:
    done = here("", *line.split(), code=2)
    assert done.stderr.startswith("Usage: datasync ")
    assert f"Invalid value for '{line.split()[-2]}'" in done.stderr


@pytest.mark.usefixtures("workdir")
def test_a_key_that_is_given_in_place_of_its_variable_is_not_shown(here: Here) -> None:
    for where in ("--header", "--query"):
        done = here("", "init", "http://127.0.0.1:1/x", where, "X-API-Key:canary5f1d7c", code=2)
        assert "canary5f1d7c" not in done.stdout + done.stderr
        assert f"{where}: the variable that is named there is not set" in done.stderr
    done = here("", "init", "http://127.0.0.1:1/x", "--bearer-env", "canary5f1d7c", code=2)
    assert "canary5f1d7c" not in done.stdout + done.stderr
    done = here("", "init", "http://127.0.0.1:1/x", "--bearer-env", "TOKEN", code=2, env={"TOKEN": ""})
    assert "the variable TOKEN is empty" in done.stderr
