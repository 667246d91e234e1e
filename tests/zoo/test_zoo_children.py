"""Children of many parents, read side by side: exactly once through kills, and what a parent that is gone means."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from datasync.simulator.zoo import ZooOptions, ZooProcess
from tests.support import Database, Run, environment, finish, start
from tests.zoo.configs import path_of

Ingest: TypeAlias = Callable[..., Run]


@pytest.fixture
def ingest(zoo: ZooProcess, database: Database, workdir: Path) -> Ingest:
    """Run `datasync ingest` with the children's configuration, so changed."""

    def run(
        *arguments: str,
        changed: tuple[str, str] = ("", ""),
        failpoints: str = "",
        command: Sequence[str] = ("ingest",),
    ) -> Run:
        config = workdir / "children.toml"
        config.write_text(path_of("children").read_text().replace(*changed))
        variables = ZooOptions(seed=zoo.options.seed, newest_ms=zoo.options.newest_ms).environment(zoo.origin)
        shell = environment(database.dsn, "") | variables | {"DATASYNC_FAILPOINTS": failpoints}
        del shell["API_BASE_URL"], shell["API_KEY"]
        return finish(start([*command, "--config", str(config), *arguments], shell))

    return run


# Appended, so that a row which is stored twice is there twice.
APPEND = ('name = "zoo_children"\n', 'name = "zoo_children"\nmode = "append"\n')
POINTS = ("enqueued", "copy_done", "checkpoint_written", "before_commit", "commit_sent", "after_commit")


def test_every_child_is_stored_once_by_several_partitions_however_often_the_run_is_killed(
    zoo: ZooProcess, database: Database, ingest: Ingest
) -> None:
    assert ingest("--endpoint", "parents").code == 0
    for point in POINTS:
        killed = ingest("--endpoint", "children", "--partitions", "4", changed=APPEND, failpoints=f"{point}=kill@2")
        assert killed.code == -9, point
    run = ingest("--endpoint", "children", "--partitions", "3", changed=APPEND)
    assert run.code == 0, run.stderr
    rows = database.fetch('SELECT parent_id, id FROM zoo_children ORDER BY id COLLATE "C"')
    wanted = [(parent, child["id"]) for parent, children in zoo.data.children.items() for child in children]
    assert [tuple(row) for row in rows] == sorted(wanted, key=lambda pair: pair[1])
    parts = database.fetch("SELECT since_value, until_value, complete FROM stream_partitions WHERE stream = 'children'")
    assert len(parts) > 3
    assert all(part["complete"] for part in parts)
    assert sum(part["since_value"] is None for part in parts) == sum(part["until_value"] is None for part in parts) == 1


def test_a_parent_that_is_gone_ends_the_run_unless_told_otherwise(
    zoo: ZooProcess, database: Database, ingest: Ingest
) -> None:
    assert ingest("--endpoint", "parents").code == 0
    database.execute(
        "INSERT INTO zoo_children_parents (id, created_at, data) VALUES ('parent-05-ghost', now(), '{}'),"
        " ('zzz', now(), '{}')"
    )
    run = ingest("--endpoint", "children")
    assert run.code == 1
    assert "404" in run.stderr
    assert '`gone = "skip"` under `parent`' in run.stderr.replace('\\"', '"')
    skipping = ingest("--endpoint", "children", changed=("[endpoint.parent]", '[endpoint.parent]\ngone = "skip"'))
    assert skipping.code == 0, skipping.stderr
    for value in ("parent-05-ghost", "zzz"):
        assert any("a parent is gone" in line and value in line for line in skipping.stderr.splitlines())
    assert database.value("SELECT count(*) FROM zoo_children") == sum(map(len, zoo.data.children.values()))


def test_parents_that_vanish_between_runs_leave_the_rest_to_be_read(
    zoo: ZooProcess, database: Database, ingest: Ingest
) -> None:
    assert ingest("--endpoint", "parents").code == 0
    assert ingest("--endpoint", "children", "--partitions", "4", failpoints="after_commit=kill@3").code == -9
    (last,) = database.fetch(
        "SELECT since_value FROM stream_partitions WHERE stream = 'children' AND until_value IS NULL"
    )
    # That rows were deleted is noticed; that keys were changed is not.
    database.execute(f"UPDATE zoo_children_parents SET id = '!' || id WHERE id >= '{last[0]}'")
    run = ingest("--endpoint", "children")
    assert run.code == 0, run.stderr
    left = {row[0] for row in database.fetch("SELECT id FROM zoo_children_parents")}
    wanted = {child["id"] for parent, children in zoo.data.children.items() if parent in left for child in children}
    assert wanted <= {row[0] for row in database.fetch("SELECT id FROM zoo_children")}
    assert database.value("SELECT bool_and(complete) FROM stream_partitions WHERE stream = 'children'")


NOTED = ('    { name = "parent_id" },\n', '    { name = "parent_id" },\n    { name = "note", required = true },\n')
MEND = """
import datasync

@datasync.transform('mend')
def mend(record):
    return record | {'note': 'mended'}
"""


def test_a_child_out_of_quarantine_has_the_parent_it_came_with(
    zoo: ZooProcess, database: Database, workdir: Path, ingest: Ingest
) -> None:
    assert ingest("--endpoint", "parents").code == 0
    assert ingest("--endpoint", "children", "--partitions", "4", "--max-rejects", "1", changed=NOTED).code == 0
    wanted = {child["id"]: parent for parent, children in zoo.data.children.items() for child in children}
    assert database.value("SELECT count(*) FROM quarantined_events") == len(wanted)
    # Whether there still is such a parent is no matter.
    database.execute("UPDATE zoo_children_parents SET id = '!' || id WHERE id < 'parent-06'")
    (workdir / "mend.py").write_text(MEND)
    replay = ("quarantine", "replay")
    run = ingest("--all", "--plugin", "mend.py", "--transform", "mend", "--json", changed=NOTED, command=replay)
    assert run.code == 0, run.stderr
    assert json.loads(run.stdout)["stored"] == len(wanted)
    assert {row[0]: row[1] for row in database.fetch("SELECT id, parent_id FROM zoo_children")} == wanted


def test_a_child_whose_parent_nothing_tells_stays_in_quarantine(database: Database, ingest: Ingest) -> None:
    assert ingest("--endpoint", "parents").code == 0
    assert ingest("--endpoint", "children", "--max-rejects", "1", changed=NOTED).code == 0
    database.execute("UPDATE quarantined_events SET page_cursor = NULL")
    run = ingest("--all", "--json", changed=NOTED, command=("quarantine", "replay"))
    assert run.code == 1, run.stderr
    assert json.loads(run.stdout)["refused"].keys() == {"parent_unknown"}
