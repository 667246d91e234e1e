"""`datasync ingest --config` stores exactly what each species serves, or says that it can't tell."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from datasync.simulator.zoo import SPECIES, ZooOptions, ZooProcess
from tests.support import Database, Run, environment, finish, start
from tests.zoo.configs import path_of

SIGNING = Path(__file__).with_name("signing.py")
ENDING = [name for name, species in SPECIES.items() if species.ends == "complete" and species.expects != "feed"]

Ingest: TypeAlias = Callable[..., Run]


@pytest.fixture
def ingest(zoo: ZooProcess, database: Database, workdir: Path) -> Ingest:
    """Run `datasync ingest` with the configuration of a species, and see that it tells no credential."""

    def run(name: str, *, seed: int = zoo.options.seed) -> Run:
        variables = ZooOptions(seed=seed, newest_ms=zoo.options.newest_ms).environment(zoo.origin)
        shell = environment(database.dsn, "")
        del shell["API_BASE_URL"], shell["API_KEY"]
        plugin = ["--plugin", str(SIGNING)] if name == "signed" else []
        process = start(["ingest", "--config", str(path_of(name)), *plugin], shell | variables)
        run = finish(process)
        secrets = {value for name, value in variables.items() if name not in {"ZOO", "ZOO_START"}}
        told = {variables["ZOO_USER"], variables["ZOO_CLIENT_ID"]}
        assert not [secret for secret in secrets - told if secret in run.stdout + run.stderr]
        return run

    return run


def stored(database: Database, name: str) -> list[str]:
    return [row[0] for row in database.fetch(f'SELECT id FROM "zoo_{name}" ORDER BY id COLLATE "C"')]


def contents(database: Database, name: str) -> list[tuple[object, ...]]:
    """Moment in epoch ms, a number that no float holds, and a text with line breaks, of each row."""
    rows = database.fetch(
        f"SELECT (extract(epoch FROM created_at) * 1000)::bigint, data->>'serial', data->>'note' "
        f'FROM "zoo_{name}" ORDER BY id COLLATE "C"'
    )
    return [tuple(row) for row in rows]


def exists(database: Database, name: str) -> bool:
    return bool(database.value("SELECT to_regclass($1) IS NOT NULL", f"zoo_{name}"))


@pytest.mark.parametrize("name", ENDING)
def test_what_a_species_serves_is_stored_once_and_as_it_is(
    zoo: ZooProcess, database: Database, ingest: Ingest, name: str
) -> None:
    run = ingest(name)
    assert run.code == 0, run.stderr
    assert stored(database, name) == zoo.data.ids(SPECIES[name].expects)
    assert {id for entry in zoo.served() if entry.species == name for id in entry.ids} == set(stored(database, name))
    if SPECIES[name].expects == "items":
        assert contents(database, name) == [
            (zoo.data.created_ms(index), None, item["note"] or None)  # CSV can't tell an empty text from none
            if name == "csv"
            else (zoo.data.created_ms(index), str(item["serial"]), item["note"])
            for index, item in enumerate(zoo.data.items)
        ]


def test_what_changes_while_it_is_read_is_complete_once_it_stops(
    zoo: ZooProcess, database: Database, ingest: Ingest
) -> None:
    for _ in range(3):  # the last change comes with the last answer of the second run
        run = ingest("newest_first")
        assert run.code == 0, run.stderr
    assert stored(database, "newest_first") == zoo.data.ids("feed")
    newest = database.value("SELECT max(data->>'updated_at') FROM zoo_newest_first")
    assert newest == zoo.data.feed(6)[0]["updated_at"]


def test_a_since_that_means_nothing_does_no_harm(zoo: ZooProcess, database: Database, ingest: Ingest) -> None:
    for _ in range(2):
        run = ingest("ignores_since")
        assert run.code == 0, run.stderr
    assert stored(database, "ignores_since") == zoo.data.ids("items")


def test_children_know_their_parents(zoo: ZooProcess, database: Database, ingest: Ingest) -> None:
    assert ingest("children").code == 0
    rows = database.fetch('SELECT parent_id, id FROM zoo_children ORDER BY id COLLATE "C"')
    wanted = [(parent, child["id"]) for parent, children in zoo.data.children.items() for child in children]
    assert [tuple(row) for row in rows] == sorted(wanted, key=lambda pair: pair[1])
    assert database.value("SELECT count(*) FROM zoo_children_parents") == len(zoo.data.parents)


def test_lists_of_records_go_to_their_table(zoo: ZooProcess, database: Database, ingest: Ingest) -> None:
    assert ingest("nested").code == 0
    rows = database.fetch(
        'SELECT parent_key, position, sku, quantity FROM zoo_nested_lines ORDER BY parent_key COLLATE "C", position'
    )
    assert [tuple(row) for row in rows] == [
        (item["id"], position, line["sku"], line["quantity"])
        for item in zoo.data.nested()
        for position, line in enumerate(item["lines"])
    ]


@pytest.mark.parametrize(("name", "codes"), [("total_too_high", {1}), ("total_too_low", {0, 1}), ("repeats", {1})])
def test_what_an_api_says_wrongly_never_hides_a_gap(
    zoo: ZooProcess, database: Database, ingest: Ingest, name: str, codes: set[int]
) -> None:
    run = ingest(name)
    assert run.code in codes, run.stderr
    assert run.code == 1 or stored(database, name) == zoo.data.ids("items")


@pytest.mark.parametrize("name", ["offset", "next_url", "oauth2_refresh", "signed"])
def test_wrong_credentials_end_the_run_and_leave_no_trace(
    zoo: ZooProcess, database: Database, ingest: Ingest, name: str
) -> None:
    run = ingest(name, seed=zoo.options.seed + 1)
    assert run.code != 0
    assert not exists(database, name)
