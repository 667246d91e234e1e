"""Rows that the database refuses: each goes to quarantine with the server's code, and all others are stored."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from datasync.simulator import Dataset, SimulatorOptions, SimulatorProcess
from tests.running import Running
from tests.support import API_KEY, Database, ingest
from tests.truth import TABLE, feed, judge, rows

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

COUNT = 2000
BAD = "^[01]0"
"""Ids that begin so are refused: about 16 of the events."""

RAISE = f"""
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id ~ '{BAD}' THEN RAISE EXCEPTION 'not this one'; END IF;
    RETURN NEW;
END $$;
"""
ADD = "ALTER TABLE ingested_events ADD"
RULES = {
    "check": ("23514", f"{ADD} CHECK (id !~ '{BAD}')"),
    "foreign key": (
        "23503",
        f"""
        CREATE TABLE kinds (name text PRIMARY KEY);
        {ADD} kind text GENERATED ALWAYS AS (CASE WHEN id ~ '{BAD}' THEN 'foul' END) STORED REFERENCES kinds
        """,
    ),
    "before trigger": (
        "P0001",
        f"{RAISE} CREATE TRIGGER refuse BEFORE INSERT ON ingested_events FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
    "after trigger": (
        "P0001",
        f"{RAISE} CREATE TRIGGER refuse AFTER INSERT ON ingested_events FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
    "deferred trigger": (
        "P0001",
        f"""
        {RAISE} CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON ingested_events DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse()
        """,
    ),
    "domain": (
        "23514",
        f"""
        CREATE DOMAIN good AS text CHECK (VALUE !~ '{BAD}');
        {ADD} proof good GENERATED ALWAYS AS (id::good) STORED
        """,
    ),
    "length": (
        "22001",
        f"{ADD} short varchar(9) GENERATED ALWAYS AS (CASE WHEN id ~ '{BAD}' THEN id END) STORED",
    ),
}


def poisonous() -> list[str]:
    bad = [event for event in Dataset(1, COUNT).ids() if event[0] in "01" and event[1] == "0"]
    assert bad
    return bad


def quarantined(database: Database, code: str) -> list[str]:
    """The ids of the records kept with this code, out of their raw bytes."""
    found = database.fetch("SELECT raw, detail FROM quarantined_events WHERE code = $1", code)
    assert all(row["detail"] for row in found)
    return [json.loads(row["raw"])["id"] for row in found]


def pages(api: SimulatorProcess) -> list[bytes]:
    """The pages as the run got them."""
    bodies: list[bytes] = []
    cursor = None
    while cursor is not None or not bodies:
        query = {"limit": str(COUNT)} | ({"cursor": cursor} if cursor else {})
        answer = httpx.get(f"{api.base_url}/events", params=query, headers={"X-API-Key": API_KEY}, trust_env=False)
        bodies.append(answer.content)
        cursor = answer.json()["pagination"]["nextCursor"]
    return bodies


@pytest.mark.fault(51, 52)
@pytest.mark.parametrize("rule", RULES)
def test_rows_that_a_rule_of_the_table_refuses_are_kept_with_its_code(
    simulate: Simulate, database: Database, rule: str
) -> None:
    sqlstate, statements = RULES[rule]
    database.execute(f"{TABLE}{statements}")
    api = simulate(feed(COUNT, latency=0))
    with Running(database.dsn, api.base_url) as run:
        judge(run.end(), database.dsn, api, poison=poisonous())
    assert sorted(quarantined(database, f"sql_{sqlstate.lower()}")) == sorted(poisonous())
    raws = [row["raw"] for row in database.fetch("SELECT raw FROM quarantined_events")]
    bodies = pages(api)
    assert all(any(raw in body for body in bodies) for raw in raws), "kept as the API sent it"


@pytest.mark.fault(51)
def test_rows_that_came_through_a_transform_are_refused_alike(
    simulate: Simulate, database: Database, workdir: Path
) -> None:
    (workdir / "same.py").write_text("def same(record):\n    return record\n")
    database.execute(f"{TABLE}{RULES['check'][1]}")
    api = simulate(feed(COUNT, latency=0))
    with Running(database.dsn, api.base_url, "--transform", "same:same") as run:
        judge(run.end(), database.dsn, api, poison=poisonous())
    assert sorted(quarantined(database, "sql_23514")) == sorted(poisonous())


@pytest.mark.fault(52)
def test_of_rows_that_another_unique_constraint_calls_the_same_one_is_stored(
    simulate: Simulate, database: Database
) -> None:
    same = f"CREATE UNIQUE INDEX ON ingested_events ((CASE WHEN id ~ '{BAD}' THEN 1 END))"
    database.execute(f"{TABLE}{same}")
    api = simulate(feed(COUNT, latency=0))
    with Running(database.dsn, api.base_url) as run:
        result = run.end()
    winner = [row[0] for row in database.fetch(f"SELECT id FROM ingested_events WHERE id ~ '{BAD}'")]
    assert len(winner) == 1, result.stderr
    judge(result, database.dsn, api, poison=sorted(set(poisonous()) - set(winner)))
    assert sorted([*quarantined(database, "sql_23505"), *winner]) == sorted(poisonous())


@pytest.mark.fault(51)
def test_a_rule_that_appears_under_way_counts_from_then_on_and_reading_again_keeps_no_row_twice(
    simulate: Simulate, database: Database
) -> None:
    api = simulate(feed(COUNT))
    with Running(database.dsn, api.base_url) as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        database.execute(f"ALTER TABLE ingested_events ADD CHECK (id !~ '{BAD}') NOT VALID")
        result = run.end()
    stored = {row[0] for row in database.fetch(f"SELECT id FROM ingested_events WHERE id ~ '{BAD}'")}
    poison = [event for event in poisonous() if event not in stored]
    judge(result, database.dsn, api, poison=poison)
    again = ingest(database.dsn, api.base_url, "--restart")
    assert again.code == 0, again.stderr
    done = again.line("ingestion complete")
    # The server looks at the rule before it looks whether the row is there: what got in before counts as refused, too.
    assert (done["rows"], done["duplicates"] + done["quarantined"]) == (0, COUNT)
    kept = quarantined(database, "sql_23514")
    assert len(kept) == len(set(kept))
    assert set(poison) <= set(kept) <= set(poisonous())


@pytest.mark.fault(51)
def test_a_refused_row_hides_no_trouble_and_trouble_hides_no_refused_row(
    simulate: Simulate, database: Database
) -> None:
    statements = """
    CREATE SEQUENCE turns;
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('turns') IN (2, 9, 30) THEN RAISE EXCEPTION 'later' USING ERRCODE = '40001'; END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER fail BEFORE INSERT ON ingested_events FOR EACH STATEMENT EXECUTE FUNCTION fail();
    """
    database.execute(f"{TABLE} ALTER TABLE ingested_events ADD CHECK (id !~ '^0'); {statements}")
    api = simulate(feed(300, page_cap=20))
    bad = [event for event in Dataset(1, 300).ids() if event[0] == "0"]
    assert bad
    with Running(database.dsn, api.base_url) as run:
        judge(run.end(), database.dsn, api, poison=bad)
        assert run.lines("storing again")
    assert sorted(quarantined(database, "sql_23514")) == sorted(bad)
