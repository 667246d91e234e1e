"""What the documents tell people to type works, and what they point to is there."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from datasync.cli import main
from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.quarantine import API, desk, event, fill
from tests.support import API_KEY, Database, command, ingest

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benches/RESULTS.md",
    "docs/authentication.md",
    "docs/cli.md",
    "docs/columns.md",
    "docs/discovery.md",
    "docs/configuration.md",
    "docs/environment.md",
    "docs/failpoints.md",
    "docs/paging.md",
    "docs/partitions.md",
    "docs/plugins.md",
    "docs/quarantine.md",
    "docs/records.md",
    "docs/rate-limits.md",
    "docs/shared-budget.md",
    "docs/sinks.md",
    "docs/timestamps.md",
    "docs/writing.md",
    "examples/plugins/datasync-ledger/README.md",
    "examples/plugins/datasync-mask-user/README.md",
)


def blocks(document: str, language: str = "") -> list[str]:
    """The fenced blocks of a document."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)
    return [text for tag, text in fenced if tag == language]


def commands() -> Iterator[tuple[str, list[str]]]:
    for document in DOCUMENTS:
        for block in blocks(document):
            for line in block.splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words = words[1:]
                if words:
                    yield document, words


def test_every_make_target_in_a_document_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for _, words in commands() if words[0] == "make" for word in words[1:]}
    assert {"demo", "test", "build"} <= named <= targets


def test_every_datasync_command_in_a_document_parses() -> None:
    found = [words for _, words in commands() if Path(words[0]).name == "datasync" and words[1:]]
    assert found
    for words in found:
        command, rest = main.commands[words[1]], words[2:]
        if isinstance(command, click.Group):
            command, rest = command.commands[rest[0]], rest[1:]
        parser = command.make_context(words[1], [], resilient_parsing=True)
        options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        known = {name for option in options for name in option.opts}
        used = {word for word in rest if word.startswith("-")}
        assert used <= known, words
        assert parser.command is command


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_to_a_file_leads_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text()):
        if "://" not in target:
            assert (ROOT / document).parent.joinpath(target).exists(), target


def test_the_readmes_transform_works_as_printed(
    simulate: Callable[[SimulatorOptions], SimulatorProcess], database: Database, workdir: Path
) -> None:
    (source,) = blocks("README.md", "python")
    (workdir / "mine.py").write_text(source)
    api = simulate(SimulatorOptions(count=50, api_key=API_KEY, rate_limit="none"))
    (words,) = [words for document, words in commands() if document == "README.md" and "--plugin" in words]
    run = ingest(database.dsn, api.base_url, *words[2:])
    assert run.code == 0, run.stderr
    assert database.value("SELECT bool_and(data->>'name' = lower(data->>'name')) FROM ingested_events")


def test_every_command_of_the_quarantine_document_does_what_it_says(database: Database, workdir: Path) -> None:
    refused = [("required_missing", event("a")), ("timestamp_invalid", event("b")), ("syntax", b"{}")]
    fill(database, [*refused, *(("required_missing", event(f"c{n}")) for n in range(20))])
    (workdir / "mend.py").write_text(blocks("docs/quarantine.md", "python")[0])
    asked = [words for document, words in commands() if document == "docs/quarantine.md"]
    assert {words[2] for words in asked} == {"list", "show", "export", "replay"}
    for words in asked:
        assert words[:2] == ["datasync", "quarantine"]
        refused_still = words[2] == "replay" and "--all" in words
        run = desk(database.dsn, *words[2:], code=int(refused_still), env=API)[1]
        assert run.stdout or "--output" in words
    assert (workdir / "rejects.jsonl").read_text().count("\n") == 23
    # The one that nothing mends.
    assert [row[0] for row in database.fetch("SELECT raw FROM quarantined_events")] == [b"{}"]


def test_the_help_of_every_command_is_in_its_document_as_it_is() -> None:
    # A process of its own: click keeps what other tests made of its commands.
    check = [sys.executable, "-m", "docs.generate", "--check"]
    assert subprocess.run(check, cwd=ROOT, check=False).returncode == 0


def test_every_check_is_in_the_table_of_its_document(database: Database, workdir: Path) -> None:
    done = command(["check", "--json"], {"DATABASE_URL": database.dsn} | API)
    found = {json.loads(line)["check"] for line in done.stdout.splitlines()}
    text = (ROOT / "docs" / "cli.md").read_text()
    assert found >= {"database", "tables", "api"}
    assert not [name for name in found - {"python"} if f"| `{name}` |" not in text]


def test_every_option_of_quarantine_is_in_its_document() -> None:
    group = main.commands["quarantine"]
    assert isinstance(group, click.Group)
    options = {name for command in group.commands.values() for option in command.params for name in option.opts}
    text = (ROOT / "docs" / "quarantine.md").read_text()
    assert not [name for name in options if name.startswith("--") and name not in text]


def test_the_numbers_of_the_quarantine_document_are_the_programs() -> None:
    from datasync.config.schema import MAX_REJECTS
    from datasync.pipeline.rejects import FREE

    text = " ".join((ROOT / "docs" / "quarantine.md").read_text().split())
    assert (FREE, MAX_REJECTS) == (10, 0.001)
    assert "refused more than ten of its records, and 0.1 % of those that it has read, on top" in text


def test_every_exit_code_and_table_of_the_readme_is_real(database: Database) -> None:
    import asyncio

    import asyncpg

    from datasync import errors
    from datasync.sinks.postgres import ddl

    async def tables() -> set[str]:
        connection = await asyncpg.connect(database.dsn)
        await ddl.migrate(connection)
        rows = await connection.fetch("SELECT relname::text FROM pg_class WHERE relkind = 'r'")
        await connection.close()
        return {row[0] for row in rows}

    text = (ROOT / "README.md").read_text()
    names = {"ingested_events", "quarantined_events", "cursor_state", "stream_partitions"}
    assert names <= asyncio.run(tables())
    assert all(f"| `{name}` |" in text for name in names)
    for code in (errors.EXIT_DONE, errors.EXIT_LEFT, errors.EXIT_SETUP):
        assert f"| {code} |" in text


def test_authentication_is_documented_as_it_is() -> None:
    import httpx

    from datasync import envvars
    from datasync.config import Secret, load
    from datasync.config.schema import MIN_MASKED
    from datasync.endpoints import datasync_feed
    from datasync.http import token
    from datasync.plugins import Plugins

    text = (ROOT / "docs" / "authentication.md").read_text()
    assert "datasync-feed" in Plugins(entry_points=False).endpoints
    spec = datasync_feed.access_spec("https://h/api/v1", {"X": Secret("x", source="test")})
    assert f"`POST {httpx.URL(spec.url).path}`" in text
    assert f"{spec.refused_status} `{spec.refused_code}`" in text
    assert all(f"`{code}`" in text for code in spec.hints)
    assert (token.RENEW_AT, token.MARGIN_PART, token.MARGIN, token.PAUSE) == (4 / 5, 1 / 10, 15, 1)
    assert f"of {MIN_MASKED} characters or more" in text
    (shell,) = blocks("docs/authentication.md", "sh")
    words = shlex.split(shell)
    assert words[0] == "export"
    example = dict(word.split("=", 1) for word in words[1:])
    assert list(example) == [envvars.ACCESS_HEADERS]
    needed = {"DATABASE_URL": "postgresql://u@h/d", "API_BASE_URL": "https://h", "API_KEY": "k"}
    assert list(load(needed | example).access_headers) == ["X-Dashboard-Access"]
