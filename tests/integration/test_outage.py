"""An API that fails for longer than the run has patience: the checkpoint stays, and the next run goes on there."""

import signal
import time
from pathlib import Path

import pytest

from tests.scripted import Answer, ScriptedApi, page
from tests.support import API_KEY, Database, environment, finish, ingest, start

pytestmark = pytest.mark.usefixtures("workdir")

HTML = b"<!DOCTYPE html><title>Back soon</title><p>reference " + API_KEY.encode() + b"</p>"
LOGIN: Answer = (200, {"Content-Type": "text/html"}, HTML)


class Feed:
    """Two pages, of which the second fails with `fault` while `down`."""

    def __init__(self, fault: Answer) -> None:
        self.fault = fault
        self.down = True

    def __call__(self, cursor: str | None) -> Answer:
        if cursor is None:
            return page(["a", "b"], "second", total=3)
        return self.fault if self.down else page(["c"], None, total=3)


@pytest.mark.fault(2)
@pytest.mark.parametrize("how", ["option", "variable", "file"])
def test_an_outage_longer_than_retry_for_ends_with_1_and_a_hint_and_the_next_run_goes_on(
    database: Database, workdir: Path, how: str
) -> None:
    arguments = ["--retry-for", "0.5"] if how == "option" else []
    variables = {"DATASYNC_RETRY_FOR": "0.5"} if how == "variable" else {}
    if how == "file":
        (workdir / ".env").write_text("DATASYNC_RETRY_FOR=0.5\n")
    feed = Feed((503, {}, b"<html>overloaded</html>"))
    with ScriptedApi(feed) as api:
        started = time.monotonic()
        run = ingest(database.dsn, api.base_url, *arguments, **variables)
        assert time.monotonic() - started < 60, "far below the 15 minutes that are the default"
        assert run.code == 1, run.stderr
        assert run.error["code"] == "server_error"
        assert "503" in run.error["event"]
        assert "run again" in run.error["hint"]
        assert "--retry-for" in run.error["hint"]
        assert "ingestion complete" not in run.stderr
        assert api.asked.count("second") >= 2
        assert database.value("SELECT count(*) FROM ingested_events") == 2
        feed.down = False
        api.asked.clear()
        again = ingest(database.dsn, api.base_url)
        assert again.code == 0, again.stderr
        assert api.asked == ["second"], "it went on at the checkpoint"
    assert database.value("SELECT count(*) FROM ingested_events") == 3


@pytest.mark.parametrize(
    ("fault", "code", "attempts"),
    [
        pytest.param(LOGIN, "not_a_page", 3, marks=pytest.mark.fault(3, 37)),
        pytest.param((200, {}, b""), "not_a_page", 3, marks=pytest.mark.fault(3)),
        pytest.param((200, {}, b'{"data": [{"id": "c"'), "page_damaged", 2, marks=pytest.mark.fault(5)),
        ((404, {}, b"{}"), "contract_changed", 1),
        ((501, {}, b"{}"), "contract_changed", 1),
        pytest.param(
            (302, {"Location": "http://localhost:9/"}, b""), "contract_changed", 1, marks=pytest.mark.fault(25)
        ),
        pytest.param((407, {}, b""), "proxy", 1, marks=pytest.mark.fault(37)),
        pytest.param((403, {}, b"{}"), "auth", 1, marks=pytest.mark.fault(28)),
    ],
)
def test_a_fault_that_stays_ends_the_run_after_so_many_attempts_and_keeps_the_checkpoint(
    database: Database, fault: Answer, code: str, attempts: int
) -> None:
    feed = Feed(fault)
    with ScriptedApi(feed) as api:
        run = ingest(database.dsn, api.base_url)
        assert run.code == 1, run.stderr
        assert run.error["code"] == code
        assert API_KEY not in run.stderr
        assert api.asked.count("second") == attempts
        feed.down = False
        again = ingest(database.dsn, api.base_url)
        assert again.code == 0, again.stderr
    assert database.value("SELECT count(*) FROM ingested_events") == 3


@pytest.mark.fault(2, 3, 5)
def test_a_fault_that_passes_costs_nothing_but_time(database: Database) -> None:
    left = [LOGIN, (200, {}, b'{"data": ['), (503, {}, b"")]

    def script(cursor: str | None) -> Answer:
        if cursor is None:
            return page(["a"], "second", total=2)
        return left.pop() if left else page(["b"], None, total=2)

    with ScriptedApi(script) as api:
        run = ingest(database.dsn, api.base_url)
    assert run.code == 0, run.stderr
    assert run.line("ingestion complete")["retries"] == 3


def test_a_signal_while_the_api_is_down_is_obeyed_at_once(database: Database) -> None:
    with ScriptedApi(Feed((503, {}, b""))) as api:
        process = start(["ingest"], environment(database.dsn, api.base_url))
        deadline = time.monotonic() + 60
        while api.asked.count("second") < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        run = finish(process)
        assert time.monotonic() - asked < 5
    assert run.code == 143, run.stderr
    assert run.line("ingestion interrupted")["rows"] == 2


@pytest.mark.parametrize("value", ["soon", "-1", "inf", "nan", "1e999", "15m"])
def test_a_retry_time_that_is_no_number_of_seconds_is_refused_by_name(database: Database, value: str) -> None:
    run = ingest(database.dsn, "http://127.0.0.1:1/api", "--retry-for", value)
    assert run.code == 2
    assert run.error["code"] == "config"
    assert "--retry-for" in run.error["event"]
