"""Rows that the database refuses: each goes to quarantine with the server's code, and all others are stored."""

import json
from pathlib import Path

import httpx
import pytest

from datasync.simulator import Dataset
from tests.running import Running
from tests.support import API_KEY, Database, ingest
from tests.truth import PAGE, STORING_AGAIN, TABLE, Feed, judge, rows

pytestmark = pytest.mark.usefixtures("workdir")

BAD = "^[01]0"
"""Ids that begin so are refused: about 30 of the events."""

RAISE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id ~ TG_ARGV[0] THEN RAISE EXCEPTION 'not this one'; END IF;
    RETURN NEW;
END $$;
"""
ADD = "ALTER TABLE ingested_events ADD"
CHECK = f"{ADD} CHECK (id !~ '{BAD}')"
RULES = {
    "00": ("sql_23514", f"{ADD} CHECK (id !~ '^00')"),
    "10": (
        "sql_p0001",
        "CREATE TRIGGER early BEFORE INSERT ON ingested_events FOR EACH ROW EXECUTE FUNCTION refuse('^10')",
    ),
    "20": (
        "sql_p0001",
        "CREATE TRIGGER late AFTER INSERT ON ingested_events FOR EACH ROW EXECUTE FUNCTION refuse('^20')",
    ),
    "30": ("sql_22001", f"{ADD} short varchar(9) GENERATED ALWAYS AS (CASE WHEN id ~ '^30' THEN id END) STORED"),
    "40": (
        "sql_23514",
        f"CREATE DOMAIN good text CHECK (VALUE !~ '^40'); {ADD} g good GENERATED ALWAYS AS (id) STORED",
    ),
    "50": ("sql_22012", f"{ADD} ratio int GENERATED ALWAYS AS (1 / CASE WHEN id ~ '^50' THEN 0 ELSE 1 END) STORED"),
    "60": (
        "sql_23503",
        f"""
        CREATE TABLE kinds (name text PRIMARY KEY);
        {ADD} kind text GENERATED ALWAYS AS (CASE WHEN id ~ '^60' THEN '' END) STORED REFERENCES kinds
        """,
    ),
}
"""By the first two characters of an id: the code with which the record is kept, and the rule that refuses it."""

LAST = """
CREATE CONSTRAINT TRIGGER last AFTER INSERT ON ingested_events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse('^[01]0')
"""


def poisonous(api: Feed) -> list[str]:
    """The ids that `BAD` means."""
    return [event for event in Dataset(1, api.options.count).ids() if event[:2] in ("00", "10")]


def quarantined(database: Database) -> dict[str, str]:
    """Id and code of the records kept, the id out of the raw bytes."""
    found = database.fetch("SELECT raw, code, detail FROM quarantined_events")
    assert all(row["detail"] for row in found)
    kept = {json.loads(row["raw"])["id"]: row["code"] for row in found}
    assert len(kept) == len(found), "each record is kept once"
    return kept


def pages(api: Feed) -> list[bytes]:
    """The pages as the run got them."""
    bodies: list[bytes] = []
    cursor = None
    while cursor is not None or not bodies:
        query = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
        answer = httpx.get(f"{api.base_url}/events", params=query, headers={"X-API-Key": API_KEY}, trust_env=False)
        bodies.append(answer.content)
        cursor = answer.json()["pagination"]["nextCursor"]
    return bodies


@pytest.mark.fault(51, 52)
def test_rows_that_rules_of_the_table_refuse_are_kept_with_the_code_of_each(api: Feed, database: Database) -> None:
    database.execute(TABLE + RAISE + ";".join(statements for _, statements in RULES.values()))
    wanted = {event: RULES[event[:2]][0] for event in Dataset(1, api.options.count).ids() if event[:2] in RULES}
    assert {event[:2] for event in wanted} == set(RULES)
    with Running(database.dsn, api.base_url, "--max-rejects", "1") as run:
        judge(run.end(), database.dsn, api, poison=list(wanted))
    assert quarantined(database) == wanted
    bodies = pages(api)
    raws = [row["raw"] for row in database.fetch("SELECT raw FROM quarantined_events")]
    assert all(any(raw in body for body in bodies) for raw in raws), "kept as the API sent it"


@pytest.mark.fault(52)
def test_a_rule_that_the_server_checks_at_commit_is_found_all_the_same(api: Feed, database: Database) -> None:
    database.execute(TABLE + RAISE + LAST)
    with Running(database.dsn, api.base_url, "--max-rejects", "1") as run:
        judge(run.end(), database.dsn, api, poison=poisonous(api))
    assert quarantined(database) == dict.fromkeys(poisonous(api), "sql_p0001")


@pytest.mark.fault(51)
def test_rows_that_came_through_a_transform_are_refused_alike(api: Feed, database: Database, workdir: Path) -> None:
    (workdir / "same.py").write_text("def same(record):\n    return record\n")
    database.execute(TABLE + CHECK)
    with Running(database.dsn, api.base_url, "--transform", "same:same", "--max-rejects", "1") as run:
        judge(run.end(), database.dsn, api, poison=poisonous(api))
    assert quarantined(database) == dict.fromkeys(poisonous(api), "sql_23514")


@pytest.mark.fault(52)
def test_of_rows_that_another_unique_constraint_calls_the_same_one_is_stored(api: Feed, database: Database) -> None:
    database.execute(f"{TABLE}CREATE UNIQUE INDEX ON ingested_events ((CASE WHEN id ~ '{BAD}' THEN 1 END))")
    with Running(database.dsn, api.base_url, "--max-rejects", "1") as run:
        result = run.end()
    winner = [row[0] for row in database.fetch(f"SELECT id FROM ingested_events WHERE id ~ '{BAD}'")]
    assert len(winner) == 1, result.stderr
    losers = set(poisonous(api)) - set(winner)
    judge(result, database.dsn, api, poison=sorted(losers))
    assert quarantined(database) == dict.fromkeys(losers, "sql_23505")


@pytest.mark.fault(51)
def test_a_rule_that_appears_under_way_counts_from_then_on_and_reading_again_keeps_no_row_twice(
    api: Feed, database: Database
) -> None:
    with Running(database.dsn, api.base_url, "--max-rejects", "1") as run:
        run.until(lambda: rows(database.dsn) > 0, "the first rows")
        database.execute(f"{CHECK} NOT VALID")
        result = run.end()
    stored = {row[0] for row in database.fetch(f"SELECT id FROM ingested_events WHERE id ~ '{BAD}'")}
    poison = [event for event in poisonous(api) if event not in stored]
    judge(result, database.dsn, api, poison=poison)
    again = ingest(database.dsn, api.base_url, "--max-rejects", "1", "--restart")
    assert again.code == 0, again.stderr
    done = again.line("ingestion complete")
    # The server looks at the rule before it looks whether the row is there: what got in before may count as refused.
    assert (done["rows"], done["duplicates"] + done["quarantined"]) == (0, api.options.count)
    assert set(poison) <= set(quarantined(database)) <= set(poisonous(api))


@pytest.mark.fault(51)
def test_a_refused_row_hides_no_trouble_and_trouble_hides_no_refused_row(api: Feed, database: Database) -> None:
    trouble = """
    CREATE SEQUENCE turns;
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('turns') IN (2, 9, 30) THEN RAISE EXCEPTION 'later' USING ERRCODE = '40001'; END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER fail BEFORE INSERT ON ingested_events FOR EACH STATEMENT EXECUTE FUNCTION fail();
    """
    database.execute(TABLE + trouble + CHECK)
    with Running(database.dsn, api.base_url, "--max-rejects", "1") as run:
        judge(run.end(), database.dsn, api, poison=poisonous(api))
        assert run.lines(STORING_AGAIN)
    assert quarantined(database) == dict.fromkeys(poisonous(api), "sql_23514")
