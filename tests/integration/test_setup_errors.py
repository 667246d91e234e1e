"""A bad set-up ends with exit 2, one clear error, and nothing written."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.support import API_KEY, Database, environment, finish, ingest, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]

pytestmark = pytest.mark.usefixtures("workdir")

OPTIONS = SimulatorOptions(count=100, api_key=API_KEY, rate_limit="none")


def tables(database: Database) -> list[str]:
    query = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    return [row[0] for row in database.fetch(query)]


def untouched(database: Database) -> bool:
    return not tables(database)


@pytest.mark.fault(65)
@pytest.mark.parametrize("name", ["DATABASE_URL", "API_BASE_URL", "API_KEY"])
def test_a_missing_variable_is_named(simulate: Simulate, database: Database, name: str) -> None:
    api = simulate(OPTIONS)
    env = environment(database.dsn, api.base_url)
    del env[name]
    run = finish(start(["ingest"], env))
    assert run.code == 2
    assert name in run.error["event"]
    assert run.error["hint"]
    assert untouched(database)
    assert not api.served()


@pytest.mark.fault(65)
def test_an_unknown_flag_is_refused_before_the_first_request(simulate: Simulate, database: Database) -> None:
    api = simulate(OPTIONS)
    run = ingest(database.dsn, api.base_url, "--no-such-flag")
    assert run.code == 2
    assert "--no-such-flag" in run.stderr
    assert untouched(database)
    assert not api.served()


@pytest.mark.fault(65)
def test_an_unknown_transform_is_refused_before_the_first_request(simulate: Simulate, database: Database) -> None:
    api = simulate(OPTIONS)
    run = ingest(database.dsn, api.base_url, "--transform", "no-such-transform")
    assert run.code == 2
    assert run.error["code"] == "plugin"
    assert "identity" in run.error["hint"]
    assert untouched(database)
    assert not api.served()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody:pw-canary@127.0.0.1:{port}/db",
        "postgresql:///db?host=/nonexistent",
        "postgresql://[bad/pw-canary",
        "postgresql://u:pw-canary@host:notaport/db",
    ],
)
def test_an_unreachable_database_is_reported_and_the_api_is_not_asked(simulate: Simulate, url: str) -> None:
    api = simulate(OPTIONS)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        run = ingest(url.format(port=unused.getsockname()[1]), api.base_url)
    assert run.code == 2, run.stderr
    assert "DATABASE_URL" in str(run.error)
    assert "pw-canary" not in run.stderr
    assert not api.served()


def test_a_secret_of_one_letter_leaves_levels_times_and_codes_as_they_are(simulate: Simulate) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql://u:e@127.0.0.1:{unused.getsockname()[1]}/db"
        run = ingest(url, simulate(OPTIONS).base_url, API_KEY="i")
    assert run.code == 2, run.stderr
    assert (run.error["code"], run.error["level"]) == ("sink_unavailable", "error")
    assert "*" not in run.error["timestamp"]
    assert "conn" in run.error["event"]
    assert "connecting" not in run.error["event"]


def test_a_database_that_does_not_exist_is_reported(simulate: Simulate, database: Database) -> None:
    run = ingest(database.dsn.replace(database.name, "no_such_database"), simulate(OPTIONS).base_url)
    assert run.code == 2
    assert "no_such_database" in run.error["event"]


@pytest.mark.fault(28)
def test_a_refused_key_names_its_variable_and_leaves_the_database_untouched(
    simulate: Simulate, database: Database
) -> None:
    run = ingest(database.dsn, simulate(OPTIONS).base_url, key="wrong-key-canary")
    assert run.code == 2
    assert run.error["code"] == "auth"
    assert "API_KEY" in run.error["event"]
    assert "wrong-key-canary" not in run.stderr
    assert untouched(database)


def test_a_wrong_path_leaves_the_database_untouched(simulate: Simulate, database: Database) -> None:
    run = ingest(database.dsn, simulate(OPTIONS).base_url + "/v9")
    assert run.code == 2
    assert "404" in run.error["event"]
    assert untouched(database)


def test_a_table_of_another_shape_is_not_overwritten(simulate: Simulate, database: Database) -> None:
    database.execute("CREATE TABLE ingested_events (id integer PRIMARY KEY, note text)")
    api = simulate(OPTIONS)
    run = ingest(database.dsn, api.base_url)
    assert run.code == 2, run.stderr
    assert run.error["code"] == "schema_mismatch"
    assert not api.served()


EVENT = "(id text {key}, event_type text, timestamp timestamptz, data jsonb not null)"


@pytest.mark.parametrize(
    ("table", "definition"),
    [
        ("ingested_events", EVENT.replace("timestamptz", "timestamp")),
        ("ingested_events", EVENT.replace("timestamptz", "timestamptz(0)")),
        ("ingested_events", EVENT.replace("timestamptz", "date")),
        ("ingested_events", EVENT.replace("id text", "id varchar(40)")),
        ("ingested_events", EVENT.replace("jsonb", "json")),
        ("ingested_events", EVENT.replace("{key}", "")),
        ("staging_events", EVENT.replace("timestamptz", "timestamp")),
        ("staging_events", "(x int)"),
        ("cursor_state", "(id serial primary key, cursor_value int not null, events_ingested bigint)"),
    ],
)
def test_a_table_that_would_change_values_on_the_way_in_is_refused_and_left_alone(
    simulate: Simulate, database: Database, table: str, definition: str
) -> None:
    database.execute(f"CREATE TABLE {table} {definition.format(key='primary key')}")
    run = ingest(database.dsn, simulate(OPTIONS).base_url)
    assert run.code == 2, run.stderr
    assert run.error["code"] == "schema_mismatch"
    assert table in run.error["event"]
    assert tables(database) == [table]


def test_a_table_of_the_seeds_shape_is_used_as_it_is(simulate: Simulate, database: Database) -> None:
    database.execute(
        f"CREATE TABLE ingested_events {EVENT.format(key='primary key')};"
        "INSERT INTO ingested_events VALUES ('older', NULL, NULL, '{}')"
    )
    assert ingest(database.dsn, simulate(OPTIONS).base_url).code == 0
    assert database.value("SELECT count(*) FROM ingested_events") == 101


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:1"), ("HTTP_PROXY", "foo://h"), ("SSL_CERT_FILE", "/nonexistent")],
)
def test_a_broken_proxy_or_certificate_setting_is_a_set_up_error(database: Database, name: str, value: str) -> None:
    run = ingest(database.dsn, "https://127.0.0.1:1/api", **{name: value})
    assert run.code == 2, run.stderr
    assert run.error["code"] in ("config", "network")
    assert "Traceback" not in run.stderr
    assert untouched(database)


@pytest.mark.fault(62)
def test_a_plugin_hook_that_does_not_fit_is_named(simulate: Simulate, database: Database, workdir: Path) -> None:
    (workdir / "odd.py").write_text("import datasync\n\n@datasync.hookimpl\ndef run_started(no_such): pass\n")
    run = ingest(database.dsn, simulate(OPTIONS).base_url, "--plugin", "odd.py")
    assert run.code == 2, run.stderr
    assert run.error["code"] == "plugin"
    assert "odd.py" in run.error["event"]


def test_a_role_that_may_not_make_tables_is_told(simulate: Simulate, database: Database) -> None:
    role = f"{database.name}_poor"
    database.execute(f"REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE {role}")
    try:
        run = ingest(database.dsn + ("&" if "?" in database.dsn else "?") + f"role={role}", simulate(OPTIONS).base_url)
        assert run.code == 2, run.stderr
        assert "CREATE" in run.error["hint"]
    finally:
        database.execute(f"DROP ROLE {role}")


@pytest.mark.fault(67, 70)
def test_tables_from_a_newer_version_are_refused(simulate: Simulate, database: Database) -> None:
    database.execute(
        "CREATE TABLE datasync_schema (version int, applied_at timestamptz);"
        "INSERT INTO datasync_schema VALUES (999, now())"
    )
    run = ingest(database.dsn, simulate(OPTIONS).base_url)
    assert run.code == 2
    assert run.error["code"] == "schema_mismatch"
    assert "upgrade" in run.error["hint"]


def test_a_second_run_of_the_same_stream_is_refused(
    simulate: Simulate, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasync.errors import SinkBusy
    from datasync.model import PartitionState
    from datasync.sinks.postgres import lock
    from tests.contract.test_sink_postgres import sink

    monkeypatch.setattr(lock, "PATIENCE", 0.2)

    async def main() -> None:
        first, second = sink(database), sink(database)
        try:
            assert await first.connect() == (PartitionState(),)
            with pytest.raises(SinkBusy, match=r"datasync\.events"):
                await second.connect()
            await first.close()
            third = sink(database)
            assert await third.connect() == (PartitionState(),)
            await third.close()
        finally:
            await first.close()
            await second.close()

    asyncio.run(main())
