"""Events that appear while the simulated API runs, and compressed answers."""

from __future__ import annotations

import pytest

from datasync.simulator.feed import FEED_PATH
from datasync.simulator.options import SimulatorOptions
from tests.contract.simulated import LIST, Api


@pytest.mark.parametrize("path", [LIST, FEED_PATH])
def test_late_events_appear_at_the_head_and_all_others_keep_their_index(path: str) -> None:
    api = Api(count=250, page_cap=100, late=50, late_per_second=2.0)
    for seconds, newest in ((0.0, 50), (0.6, 49), (10.0, 30), (24.9, 1), (25.0, 0), (1000.0, 0)):
        api.now = 1_800_000_000.0 + seconds
        assert [record["id"] for record in api.walk(path)] == api.dataset.ids()[newest:]
        firsts = [entry.first for entry in api.simulator.served.entries() if entry.first is not None]
        assert min(firsts) == newest
        assert api.simulator.totals()["events"] == 250 - newest


def test_a_chain_goes_on_at_its_place_while_events_appear_above_it() -> None:
    api = Api(count=250, late=50, late_per_second=10.0)
    first = api.ask(LIST, params={"limit": 100}).json()
    api.now += 2
    second = api.ask(LIST, params={"limit": 100, "cursor": first["pagination"]["nextCursor"]}).json()
    assert [record["id"] for record in first["data"] + second["data"]] == api.dataset.ids()[50:]
    assert (first["meta"]["total"], second["meta"]["total"]) == (200, 220)


def test_the_declared_total_may_leave_late_events_out() -> None:
    api = Api(count=250, late=50, late_per_second=10.0, late_counted=False)
    api.now += 60
    page = api.ask(LIST).json()
    assert (page["data"][0]["id"], page["meta"]["total"]) == (api.dataset.id(0), 200)


def test_nobody_is_given_an_event_before_it_appears() -> None:
    api = Api(count=250, late=50, late_per_second=10.0)
    early, id = api.cursor(3), api.dataset.id(7)
    assert api.ask(LIST, params={"cursor": early}).json()["data"][0]["id"] == api.dataset.id(50)
    assert api.ask(f"{LIST}/{id}").status_code == 404
    assert api.ask(f"{LIST}/bulk", method="POST", json={"ids": [id]}).json()["data"] == []
    api.now += 10
    assert api.ask(f"{LIST}/{id}").json()["data"]["id"] == id


def test_answers_are_compressed_for_those_who_take_it() -> None:
    api = Api(count=250, gzip=True)
    packed = api.ask(LIST, headers={"Accept-Encoding": "gzip"})
    plain = api.ask(LIST, headers={"Accept-Encoding": "identity"})
    assert (packed.headers.get("content-encoding"), plain.headers.get("content-encoding")) == ("gzip", None)
    assert packed.json()["data"] == plain.json()["data"]
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2


@pytest.mark.parametrize(("late", "per_second"), [(-1, 0.0), (101, 0.0), (1, -1.0)])
def test_more_late_events_than_there_are_is_refused(late: int, per_second: float) -> None:
    with pytest.raises(ValueError, match="late"):
        SimulatorOptions(count=100, late=late, late_per_second=per_second)
