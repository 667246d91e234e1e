"""`datasync check` finds what would keep a run from starting, and changes nothing."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from datasync.cli import check_api, check_machine
from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.here import Here
from tests.support import API_KEY, Database, ingest
from tests.truth import TABLE

Simulate = Callable[[SimulatorOptions], SimulatorProcess]
Results = Mapping[str, tuple[str, str]]

pytestmark = pytest.mark.usefixtures("workdir")

OPEN = SimulatorOptions(count=50, api_key=API_KEY, rate_limit="none")


def checked(here: Here, dsn: str, *arguments: str, code: int = 0, **env: str) -> Results:
    done = here(dsn, "check", "--json", *arguments, code=code, env={"API_KEY": API_KEY} | env)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(one.keys() == {"check", "result", "text", "hint", "code"} for one in found)
    assert all(one["hint"] for one in found if one["result"] != "ok")
    assert code == 2 * any(one["result"] == "failed" for one in found)
    assert API_KEY not in done.stdout + done.stderr
    return {one["check"]: (one["result"], one["text"]) for one in found}


def test_where_all_is_well_one_request_is_sent_and_nothing_is_written(
    here: Here, simulate: Simulate, database: Database
) -> None:
    api = simulate(OPEN)
    found = checked(here, database.dsn, API_BASE_URL=api.base_url)
    assert {result for result, _ in found.values()} == {"ok"}
    assert "50 records" in found["api"][1]
    assert len(api.served()) == 1
    assert database.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
    assert "api" not in checked(here, database.dsn, "--no-api", API_BASE_URL=api.base_url)
    assert len(api.served()) == 1
    text = here(database, "check", env={"API_KEY": API_KEY, "API_BASE_URL": api.base_url}).stdout
    assert "ok       tables: not there yet" in text


def test_what_the_api_refuses_is_told_from_what_passes(here: Here, simulate: Simulate, database: Database) -> None:
    api = simulate(SimulatorOptions(count=50, api_key=API_KEY, rate_limit="1/60"))
    refused = checked(here, database.dsn, code=2, API_BASE_URL=api.base_url, API_KEY="canary-other")
    assert refused["api"][0] == "failed"
    assert checked(here, database.dsn, API_BASE_URL=api.base_url)["api"][0] == "ok"
    assert checked(here, database.dsn, API_BASE_URL=api.base_url)["api"][0] == "warning"
    nobody = checked(here, database.dsn, code=2, API_BASE_URL="http://127.0.0.1:1/api")
    assert (nobody["api"][0], nobody["database"][0]) == ("failed", "ok")


def test_records_are_found_by_a_jsonpath_as_a_run_finds_them(
    here: Here, simulate: Simulate, database: Database, workdir: Path
) -> None:
    api = simulate(OPEN)
    (workdir / "datasync.toml").write_text(
        f'[api]\nbase_url = "{api.base_url}"\n'
        'auth = { kind = "header", header = "X-API-Key", key = "${API_KEY}" }\n'
        '[sink]\nkind = "postgres"\nurl = "${DATABASE_URL}"\n'
        '[[endpoint]]\nname = "e"\npath = "/events"\nrecords = "$.data[?@.id]"\npaging = { kind = "none" }\n'
    )
    found = checked(here, database.dsn)
    assert {result for result, _ in found.values()} == {"ok"}, found


def test_a_setting_that_is_missing_leaves_the_rest_to_be_looked_at(here: Here, database: Database) -> None:
    found = checked(here, database.dsn, code=2)
    assert found["configuration"] == ("failed", "not set: API_BASE_URL")
    assert found["database"][0] == "ok"
    assert "api" not in found
    found = checked(here, "postgresql://u:canary-pw@127.0.0.1:1/d", "--no-api", code=2, API_BASE_URL="http://h")
    assert found["database"][0] == "failed"
    assert not [text for _, text in found.values() if "canary-pw" in text]


def test_a_plugin_that_can_not_be_loaded_is_named(here: Here, database: Database, workdir: Path) -> None:
    (workdir / "broken.py").write_text("1 / 0")
    found = checked(here, database.dsn, "--plugin", "broken.py", code=2, API_BASE_URL="http://127.0.0.1:1")
    assert found["plugins"][0] == "failed"
    assert "broken.py" in found["plugins"][1]


def test_a_database_that_is_not_fit_is_told_by_what_it_lacks(here: Here, database: Database) -> None:
    def look(dsn: str, code: int = 2) -> Results:
        return checked(here, dsn, "--no-api", code=code, API_BASE_URL="http://127.0.0.1:1")

    mark = "&" if "?" in database.dsn else "?"
    assert look(f"{database.dsn}{mark}default_transaction_read_only=on")["writable"][0] == "failed"
    assert look(f"{database.dsn}{mark}synchronous_commit=off", 0)["disk"][0] == "warning"
    database.execute("CREATE TABLE ingested_events (id INT)")
    found = look(database.dsn)["tables"]
    assert (found[0], "`id` is integer" in found[1]) == ("failed", True)
    database.execute(f"DROP TABLE ingested_events; {TABLE.replace('TABLE', 'UNLOGGED TABLE')}")
    found = look(database.dsn, 0)["tables"]
    assert (found[0], "`ingested_events` is UNLOGGED" in found[1]) == ("warning", True)
    database.execute("DROP TABLE ingested_events")
    for foreign in ("quarantined_events", "stream_partitions", "staging_events"):
        database.execute(f"CREATE TABLE {foreign} (id INT)")
        found = look(database.dsn)["tables"]
        assert (found[0], f"`{foreign}` is there" in found[1]) == ("failed", True)
        database.execute(f"DROP TABLE {foreign}")
    database.execute("CREATE TABLE datasync_schema (version INT);INSERT INTO datasync_schema VALUES (999)")
    assert look(database.dsn)["tables"][0] == "failed"


def test_a_role_without_rights_is_told_which_it_lacks(here: Here, database: Database) -> None:
    role = f"reader_{database.name}"
    database.execute(f'CREATE ROLE "{role}"; REVOKE ALL ON SCHEMA public FROM PUBLIC')
    mark = "&" if "?" in database.dsn else "?"
    dsn = f"{database.dsn}{mark}role={role}"
    try:
        found = checked(here, dsn, "--no-api", code=2, API_BASE_URL="http://127.0.0.1:1")
        assert found["rights"] == ("failed", f"{role} may create no tables")
        database.execute(f'CREATE TABLE quarantined_events (id INT); GRANT USAGE ON SCHEMA public TO "{role}"')
        found = checked(here, dsn, "--no-api", code=2, API_BASE_URL="http://127.0.0.1:1")
        assert found["rights"] == ("failed", f"{role} may not read and write quarantined_events")
    finally:
        database.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


@pytest.mark.fault(49)
@pytest.mark.parametrize("with_some", [True, False], ids=["some rights", "none"])
def test_with_the_grants_that_are_advised_a_run_goes_on(
    here: Here, simulate: Simulate, database: Database, with_some: bool
) -> None:
    api = simulate(msgspec.structs.replace(OPEN, page_cap=10))
    assert ingest(database.dsn, api.base_url).code == 0
    role = f"writer_{database.name}"
    given = "SELECT, INSERT, UPDATE, DELETE" if with_some else "SELECT"
    database.execute(
        "TRUNCATE ingested_events, cursor_state, stream_partitions; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        f'CREATE ROLE "{role}"; GRANT {given} ON ALL TABLES IN SCHEMA public TO "{role}"'
    )
    mark = "&" if "?" in database.dsn else "?"
    dsn = f"{database.dsn}{mark}role={role}"
    try:
        done = here(dsn, "check", "--no-api", "--json", code=2, env={"API_KEY": API_KEY, "API_BASE_URL": api.base_url})
        (advised,) = [one["hint"] for one in map(json.loads, done.stdout.splitlines()) if one["result"] == "failed"]
        database.execute(advised)
        checked(here, dsn, "--no-api", API_BASE_URL=api.base_url)
        run = ingest(dsn, api.base_url, "--no-direct")
        assert run.code == 0, run.stderr
        assert database.value("SELECT count(*) FROM ingested_events") == OPEN.count
    finally:
        database.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


@pytest.mark.parametrize(
    ("server", "now", "result"),
    [
        (None, 0.0, "ok"),
        (100_000, 100.9, "ok"),  # within the second that it names
        (100_000, 111.0, "ok"),
        (100_000, 111.1, "warning"),
        (100_000, 90.0, "ok"),
        (100_000, 89.9, "warning"),
    ],
)
def test_clocks_that_are_more_than_ten_seconds_apart_are_worth_a_warning(
    server: int | None, now: float, result: str
) -> None:
    assert check_api.clocks(server, now).result == result


def test_which_clock_is_ahead_is_said() -> None:
    assert "60 s behind the API's" in check_api.clocks(100_000, 40.0).text
    assert "60 s ahead of the API's" in check_api.clocks(100_000, 161.0).text


def test_a_debug_build_and_few_files_are_worth_a_warning() -> None:
    build = {"version": "1", "target": "t", "profile": "release"}
    assert check_machine.native(build).result == "ok"
    assert check_machine.native(build | {"profile": "debug"}).result == "warning"
    assert check_machine.files(255, unlimited=-1).result == "warning"
    assert check_machine.files(256, unlimited=-1).result == "ok"
    assert check_machine.files(-1, unlimited=-1).result == "ok"
