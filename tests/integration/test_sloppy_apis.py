"""What an API does by the way, and what must not pass for the end of its list."""

from pathlib import Path

import msgspec
import pytest

from datasync.config.spec import (
    ColumnSpec,
    Incremental,
    JsonlTo,
    KeysetPaging,
    LinkHeaderPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    Table,
    WindowPaging,
)
from datasync.errors import ContractChanged
from tests.scripted import Answer, Asked, Server
from tests.sloppy import BUSY, CHAIN, EXPIRED, answer, ingest, once, records, spec


class Newest:
    """A list with the newest record first, ten a page."""

    def __init__(self, shown: int, *expires: str) -> None:
        self.shown = shown
        self.expires = set(expires)

    def __call__(self, asked: Asked) -> Answer:
        cursor = asked.query.get("cursor")
        if once(self.expires, cursor):
            return EXPIRED
        behind = int(cursor or 0)
        top = self.shown - behind
        following = None if top <= 10 else str(behind + 10)
        return answer({"data": records(*range(top - 1, max(-1, top - 11), -1)), "next": following})


def test_a_round_that_begins_anew_is_not_ended_by_what_it_has_stored_itself(workdir: Path) -> None:
    told = spec(CHAIN, incremental=Incremental(column="at", until_known=2))
    sink, api = JsonlTo(folder=str(workdir)), Newest(100, "50")
    with Server(api) as server:
        assert ingest(server, sink, told) == 100, "by the first round"
        api.shown, api.expires = 200, {"60"}
        assert ingest(server, sink, told) == 100, "by the next one"
        api.shown = 210
        assert ingest(server, sink, told) == 10


def test_a_round_that_is_gone_on_with_is_not_ended_by_what_it_has_stored_itself(workdir: Path) -> None:
    told = spec(OffsetPaging(size=10, has_more="more"), incremental=Incremental(column="at", until_known=2))
    shown, broken = 100, False

    def script(asked: Asked) -> Answer:
        offset = int(asked.query["offset"])
        if broken and offset >= 50:
            return 404, {}, b"{}"
        top = shown - offset
        return answer({"data": records(*range(top - 1, max(-1, top - 11), -1)), "more": top > 10})

    sink = JsonlTo(folder=str(workdir))
    with Server(script) as server:
        assert ingest(server, sink, told) == 100
        shown, broken = 200, True
        with pytest.raises(ContractChanged):
            ingest(server, sink, told)
        shown, broken = 250, False  # five pages come by once more
        ingest(server, sink, told)
        ingest(server, sink, told)
    assert len((workdir / "things.jsonl").read_text().splitlines()) == 250


def test_a_restart_of_a_newest_first_list_reads_all_of_it(workdir: Path) -> None:
    told = spec(CHAIN, incremental=Incremental(column="at", until_known=2))
    sink, api = JsonlTo(folder=str(workdir)), Newest(50)
    with Server(api) as server:
        assert ingest(server, sink, told) == 50
        (workdir / "things.jsonl").unlink()
        (workdir / "things.datasync" / "state.sqlite").unlink()
        assert ingest(server, sink, told, restart=True) == 50


def test_a_moment_of_the_future_ends_no_later_round(workdir: Path) -> None:
    told = spec(CHAIN, incremental=Incremental(column="at", param="since"))
    data = [*records(1, 2), {"id": 3, "at": "2099-01-01T00:00:00Z"}]
    asked_since: list[str] = []

    def script(asked: Asked) -> Answer:
        since = asked.query.get("since", "")
        asked_since.append(since)
        return answer({"data": [one for one in data if one["at"] >= since or len(data) == 3], "next": None})

    with Server(script) as server:
        sink = JsonlTo(folder=str(workdir))
        assert ingest(server, sink, told) == 3
        data.append({"id": 4, "at": "2098-01-01T00:00:00Z"})
        assert ingest(server, sink, told) == 1
    assert asked_since[1] < "2098"


@pytest.mark.parametrize("bad", [b"upstream request timeout", BUSY])
def test_a_message_is_no_csv_without_rows(workdir: Path, bad: bytes) -> None:
    told = spec(OffsetPaging(size=5), format="csv", records="")
    spoilt = {"5"}

    def script(asked: Asked) -> Answer:
        offset = asked.query["offset"]
        if once(spoilt, offset):
            return answer(bad)
        lines = [f"{one['id']},{one['at']}" for one in records(*range(int(offset), min(int(offset) + 5, 12)))]
        return answer("\n".join(["id,at", *lines]).encode())

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), told) == 12
    assert not spoilt


def test_a_message_has_no_records_by_any_jsonpath(workdir: Path) -> None:
    told = spec(PageNumberPaging(size=5), records="$.list[?@.id]")
    spoilt = {"2"}

    def script(asked: Asked) -> Answer:
        page = asked.query["page"]
        if once(spoilt, page):
            return answer(BUSY)
        begin = int(page) * 5 - 5
        return answer({"list": records(*range(begin, min(begin + 5, 12)))})

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), told) == 12
    assert not spoilt


@pytest.mark.parametrize("paging", [OffsetPaging(size=5), PageNumberPaging(size=5), OffsetPaging(total="total")])
def test_pages_without_a_record_that_is_chosen_are_no_end(workdir: Path, paging: Paging) -> None:
    told = spec(paging, records="$.list[?@.kind == 'a']")
    data = [{**one, "kind": "b" if 10 <= one["id"] < 40 else "a"} for one in records(*range(52))]

    def script(asked: Asked) -> Answer:
        begin = int(asked.query["offset"]) if "offset" in asked.query else int(asked.query["page"]) * 5 - 5
        return answer({"list": data[begin : begin + 5], "total": len(data)})

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), told) == 22


@pytest.mark.parametrize("kind", [OffsetPaging, PageNumberPaging])
def test_an_empty_page_that_claims_more_is_asked_for_again(
    workdir: Path, kind: type[OffsetPaging] | type[PageNumberPaging]
) -> None:
    spoilt = {"10", "3"}

    def script(asked: Asked) -> Answer:
        place = asked.query.get("offset") or asked.query["page"]
        begin = int(place) if "offset" in asked.query else int(place) * 5 - 5
        found = [] if once(spoilt, place) else records(*range(begin, min(begin + 5, 23)))
        return answer({"data": found, "more": begin + 5 < 23})

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), spec(kind(size=5, has_more="more"))) == 23


def test_a_key_is_asked_for_as_the_api_writes_it(workdir: Path) -> None:
    keys = sorted(f"{n * 7919 % 256:02X}AA5E3C-0000-4000-8000-{n:012X}" for n in range(60))

    def script(asked: Asked) -> Answer:
        after = asked.query.get("after", "")
        return answer({"data": [{"id": key} for key in keys if key > after][:10]})

    table = Table(columns=(ColumnSpec(name="id", type="uuid", key=True),))
    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), spec(KeysetPaging(size=10), table=table)) == 60


def test_a_key_that_the_api_takes_for_a_beginning_ends_with_itself(workdir: Path) -> None:
    def script(asked: Asked) -> Answer:
        return answer({"data": records(*range(int(asked.query.get("after", "0")), 7))[:10]})

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), spec(KeysetPaging(size=10))) == 7


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("step", ["1d", "7d"])
def test_days_at_the_borders_of_spans_are_read_whatever_the_api_means(workdir: Path, strict: bool, step: str) -> None:
    days = [f"2026-{month:02}-{day:02}" for month in (9, 10) for day in range(1, 31)]

    def script(asked: Asked) -> Answer:
        low, high = asked.query["after"], asked.query["before"]
        inside = [day for day in days if (low < day < high if strict else low <= day <= high)]
        return answer({"data": [{"id": day, "at": f"{day}T00:00:00Z"} for day in inside], "next": None})

    paging = WindowPaging(
        since_param="after", until_param="before", start="2026-08-31", step=step, format="date", inner=CHAIN
    )
    table = Table(columns=(ColumnSpec(name="id", key=True), ColumnSpec(name="at", type="timestamptz")))
    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), spec(paging, table=table)) == 60


def test_a_total_that_is_less_than_what_came_is_none(workdir: Path) -> None:
    def script(asked: Asked) -> Answer:
        begin = int(asked.query["offset"])
        return answer({"data": records(*range(begin, min(begin + 5, 12))), "total": 0})

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), spec(OffsetPaging(size=5, total="total"))) == 12


@pytest.mark.parametrize("bad", [BUSY, b"upstream connect error\nreset before headers", b'[]\n"x"\n'])
@pytest.mark.parametrize("paging", [OffsetPaging(size=5), PageNumberPaging(size=5), LinkHeaderPaging()])
def test_lines_of_which_none_is_a_record_are_asked_for_again(workdir: Path, bad: bytes, paging: Paging) -> None:
    spoilt = {"5", "2"}

    def script(asked: Asked) -> Answer:
        place = asked.query.get("offset") or asked.query.get("page") or "1"
        if once(spoilt, place):
            return answer(bad)
        begin = int(place) if "offset" in asked.query else int(place) * 5 - 5
        lines = b"\n".join(map(msgspec.json.encode, records(*range(12)[begin : begin + 5])))
        leads = isinstance(paging, LinkHeaderPaging) and begin + 5 < 12
        return answer(lines, **({"Link": f'</things?page={int(place) + 1}>; rel="next"'} if leads else {}))

    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), spec(paging, records="", format="ndjson")) == 12
    assert len(spoilt) == 1
    assert (workdir / "things.quarantine.jsonl").read_text() == ""


def test_rows_that_look_alike_are_no_page_that_came_again(workdir: Path) -> None:
    def script(asked: Asked) -> Answer:
        begin = int(asked.query["offset"])
        return answer({"data": [{"n": n, "level": "info"} for n in range(begin, min(begin + 5, 22))]})

    table = Table(mode="append", columns=(ColumnSpec(name="level"),))
    with Server(script) as server:
        assert ingest(server, JsonlTo(folder=str(workdir)), spec(OffsetPaging(size=5), table=table)) == 22
