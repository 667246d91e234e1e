"""`datasync plan` says what a run would do, costs no more than it says, and changes nothing."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import datasync
from datasync.config import Secret, Settings
from datasync.config.spec import (
    Api,
    CursorPaging,
    EndpointSpec,
    HeaderCursorPaging,
    HeaderKey,
    LinkHeaderPaging,
    NextUrlPaging,
    NoPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    WindowPaging,
)
from datasync.discovery.plan import plan
from datasync.discovery.planned import Allowance, EndpointPlan
from datasync.plugins import Plugins
from datasync.simulator import SimulatorOptions, SimulatorProcess
from tests.support import API_KEY, Database, Run, environment, finish, start

Simulate = Callable[[SimulatorOptions], SimulatorProcess]
OPTIONS = SimulatorOptions(count=12_000, api_key=API_KEY, rate_limit="30/60")


def run(command: str, database: Database, api: SimulatorProcess, *arguments: str) -> Run:
    # The process runs the package that is tested here, wherever it was started.
    more = {"PYTHONPATH": str(Path(datasync.__file__).parents[1])}
    return finish(start([command, *arguments], environment(database.dsn, api.base_url) | more))


def planned(database: Database, api: SimulatorProcess, *arguments: str) -> dict[str, Any]:
    done = run("plan", database, api, "--json", *arguments)
    assert done.code == 0, done.stderr
    assert API_KEY not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def settings_of(database: Database, api: SimulatorProcess, **more: Any) -> Settings:
    key = Secret(API_KEY, source="API_KEY")
    return Settings(Secret(database.dsn, source="DATABASE_URL"), api.base_url, key, **more)


def tell(settings: Settings, allowance: Allowance) -> EndpointPlan:
    return asyncio.run(plan(settings, Plugins(entry_points=False), allowance))


def test_a_plan_tells_what_the_run_then_does(simulate: Simulate, database: Database, workdir: Path) -> None:
    api = simulate(OPTIONS)
    before = planned(database, api)
    assert (before["lane"], before["partitions"], before["paging"]) == ("fast", 1, "cursor")
    assert before["detected"] == ["cursor"]
    assert (before["total"], before["left"], before["requests"], before["page_size"]) == (12_000, 12_000, 3, 5000)
    assert (before["limits"][0]["limit"], before["window"]) == (30, 60)
    assert (before["checkpoint"], before["columns"], before["warnings"]) == ("beginning", {}, [])
    assert len(api.served()) == 2
    assert database.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0

    done = run("ingest", database, api)
    assert done.code == 0
    assert done.line("ingestion complete")["seconds_throttled"] == 0
    assert before["seconds"] == pytest.approx(0, abs=3), "what is left of the quota is enough"
    assert len(api.served()) == 2 + before["requests"]
    after = planned(database, api, "--no-requests")
    assert (after["checkpoint"], after["left"], after["requests"]) == ("complete", 0, 0)
    assert after["columns"]["timestamp"] == "timestamp with time zone"
    assert len(api.served()) == 2 + before["requests"]


def test_a_refusal_is_told_and_nothing_more_is_asked(simulate: Simulate, database: Database, workdir: Path) -> None:
    api = simulate(msgspec.structs.replace(OPTIONS, rate_limit="1/60"))
    assert not planned(database, api)["warnings"]  # nothing is left after the first: no second one is sent
    refused = planned(database, api)
    assert len(api.served()) == 2
    assert any("429" in warning for warning in refused["warnings"])


def test_no_more_is_asked_than_allowed_in_all(simulate: Simulate, database: Database) -> None:
    api = simulate(OPTIONS)
    settings = settings_of(database, api)
    allowance = Allowance(2, 3)
    totals = [tell(settings, allowance).total for _ in range(3)]
    assert totals == [12_000, 12_000, None]
    assert allowance.used == len(api.served()) == 3


def test_requests_for_a_token_count_too(simulate: Simulate, database: Database) -> None:
    api = simulate(msgspec.structs.replace(OPTIONS, dashboard_headers=("X-Dashboard-Access: demo",)))
    headers = {"X-Dashboard-Access": Secret("demo", source="test")}
    allowance = Allowance(2, 8)
    found = tell(settings_of(database, api, endpoint="datasync-feed", access_headers=headers), allowance)
    assert found.total == 12_000
    assert allowance.used == len(api.served()) == 2
    assert found.partitions > 1


def test_transforms_put_the_run_on_the_record_lane(simulate: Simulate, database: Database) -> None:
    name = min(Plugins(entry_points=False).transforms)
    found = tell(settings_of(database, simulate(OPTIONS), transforms=(name,)), Allowance(2, 0))
    assert (found.lane, found.transforms) == ("record", (name,))


def test_an_answer_that_shows_another_paging_is_a_warning(simulate: Simulate, database: Database) -> None:
    spec = EndpointSpec(name="events", path="/events", paging=NoPaging())
    found = tell(settings_of(database, simulate(OPTIONS), spec=spec), Allowance(1, 1))
    assert found.paging == "none"
    assert any("pagination.nextCursor" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("paging", "said"),
    [
        (CursorPaging(next="pagination.nextCursr"), "at `pagination.nextCursr`, which is not there"),
        (NextUrlPaging(), "at `next`, which is not there"),
        (LinkHeaderPaging(), "the `Link` header's `next`"),
        (HeaderCursorPaging(header="X-Next"), "the header `X-Next`"),
        (PageNumberPaging(pages="pages"), "configured as `page`"),
        (CursorPaging(next="pagination.nextCursor"), None),
        (WindowPaging(since_param="a", until_param="b", start="2024-01-01", inner=OffsetPaging()), "as `offset`"),
    ],
)
def test_an_answer_that_leads_on_elsewhere_is_a_warning_that_names_both_places(
    simulate: Simulate, database: Database, paging: Paging, said: str | None
) -> None:
    spec = EndpointSpec(name="events", path="/events", records="data", paging=paging)
    settings = settings_of(database, simulate(OPTIONS), spec=spec, endpoint="rest")
    auth = HeaderKey(header="X-API-Key", key=settings.api_key)
    settings = msgspec.structs.replace(settings, api=Api(base_url=settings.api_base_url, auth=auth))
    told = [one for one in tell(settings, Allowance(1, 1)).warnings if "looks like `cursor`" in one]
    if said is None:
        assert not told
    else:
        (warning,) = told
        assert said in warning
        assert "`pagination.nextCursor`" in warning


def test_a_page_that_cant_be_read_is_a_warning(simulate: Simulate, database: Database) -> None:
    settings = settings_of(database, simulate(OPTIONS))
    described = msgspec.structs.replace(
        settings,
        api=Api(base_url=settings.api_base_url, auth=HeaderKey(header="X-API-Key", key=settings.api_key)),
        spec=EndpointSpec(name="e", path="/events", records="items", paging=NoPaging()),
        endpoint="rest",
    )
    warnings = tell(described, Allowance(2, 2)).warnings
    assert any("looked for at `items`" in warning for warning in warnings), warnings


def test_a_database_that_is_down_is_a_warning(simulate: Simulate, database: Database) -> None:
    settings = settings_of(database, simulate(OPTIONS))
    down = Secret("postgresql://u:canary-password@127.0.0.1:1/d", source="DATABASE_URL")
    found = tell(msgspec.structs.replace(settings, database_url=down), Allowance(2, 2))
    assert found.total == 12_000
    assert any("database" in warning for warning in found.warnings)
    assert "canary-password" not in str(found)
