"""One contract for all sinks, whatever they write."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from datasync.config.schema import ConflictPolicy, RoundSettings
from datasync.errors import ConfigError, CountsDiffer, RowsMissing, SchemaMismatch, SinkBusy
from datasync.model import Batch, Checkpoint, Committed, PartitionState, Window
from datasync.sinks.base import Sink
from datasync.sinks.postgres import lock
from tests.sinks import KINDS, LOCAL, Kind, batch, page, reject
from tests.support import Database


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    if request.param == "postgres":
        database: Database = request.getfixturevalue("database")
        yield Kind("postgres", tmp_path, database.dsn)
    else:
        yield Kind(request.param, tmp_path)


@pytest.fixture(params=LOCAL)
def local(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    return Kind(request.param, tmp_path)


def commits(*batches: Batch) -> Callable[[Sink], Any]:
    async def work(sink: Sink) -> list[Committed]:
        return [await sink.commit(one) for one in batches]

    return work


def test_a_stream_that_was_never_begun_is_one_partition_and_connecting_writes_nothing(kind: Kind) -> None:
    assert kind.connected() == (PartitionState(),)
    assert not list(kind.folder.iterdir())


def test_the_checkpoint_comes_back_as_it_was_committed(kind: Kind) -> None:
    kind.use(commits(batch(7, page("a"))))
    expected = (PartitionState(checkpoint=batch(7).checkpoint),)
    found = kind.connected()
    assert found[0].checkpoint.cursor == "cursor-7"
    assert found == expected

    async def opened(sink: Sink) -> tuple[PartitionState, ...]:
        return await sink.open()

    assert kind.use(opened) == expected


def test_each_record_counts_once(kind: Kind) -> None:
    first, second = kind.use(
        commits(
            batch(1, page("a", "b", "b"), page("c", rejects=(reject(b"{}"),))),
            batch(2, page("c", "d", rejects=(reject(b"{}"), reject(b"{}", "other")))),
        )
    )
    assert (first.rows, first.duplicates, first.quarantined) == (3, 1, 1)
    assert (second.rows, second.duplicates, second.quarantined) == (1, 2, 1)


def test_a_second_run_is_refused_until_the_first_one_ends(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.0)

    async def work(sink: Sink) -> None:
        await sink.commit(batch(1, page("a")))
        other = kind.sink()
        with pytest.raises(SinkBusy):
            await other.connect()
        await other.close()
        await sink.commit(batch(2, page("b")))

    kind.use(work)
    assert kind.connected()[0].checkpoint.cursor == "cursor-2"


def test_windows_are_stored_with_the_rows_of_their_batch(kind: Kind) -> None:
    kind.use(
        commits(
            Batch([page("a")], Checkpoint("in-0", None, 1, 1, 3), 0, {0: Window(50, None), 1: Window(None, 50)}),
            Batch([page("b")], Checkpoint("in-1", None, 1, 1, 3), 1, {1: Window(20, 50), 2: Window(None, 20)}),
        )
    )
    assert kind.connected() == (
        PartitionState(0, Window(50, None), Checkpoint("in-0", None, 1, 1, 3)),
        PartitionState(1, Window(20, 50), Checkpoint("in-1", None, 1, 1, 3)),
        PartitionState(2, Window(None, 20), Checkpoint(total=3)),
    )


def test_a_stream_is_complete_only_when_nothing_is_missing(kind: Kind) -> None:
    def ends(number: int, *ids: str, windows: dict[int, Window] | None = None) -> Batch:
        return Batch(
            [page(*ids)] if ids else [], Checkpoint("end", None, 1, 1, 3, complete=True), number, windows or {}
        )

    halves = {0: Window(50, None), 1: Window(None, 50)}
    done = kind.use(commits(ends(0, "a", "b", windows=halves), ends(1), ends(0, "c"), ends(1)))
    assert [(one.complete, one.missing) for one in done] == [(False, 0), (False, 1), (False, 0), (True, 0)]
    assert all(state.checkpoint.complete for state in kind.connected())


def test_an_end_whose_counts_do_not_add_up_is_not_stored(kind: Kind) -> None:
    import msgspec

    async def work(sink: Sink) -> None:
        odd = msgspec.structs.replace(page("a"), records=5)
        with pytest.raises(CountsDiffer):
            await sink.commit(batch(1, odd, complete=True))

    kind.use(work)
    assert kind.connected()[0].checkpoint == Checkpoint()


def test_a_restart_begins_again_and_keeps_the_rows(kind: Kind) -> None:
    kind.use(commits(batch(1, page("a", "b"), total=2, complete=True)))
    assert kind.connected(restart=True) == (PartitionState(),)
    (done,) = kind.use(commits(batch(1, page("b", "c"))), restart=True)
    assert (done.rows, done.duplicates) == (1, 1)


def test_a_record_that_was_mended_since_does_not_make_up_for_a_missing_one(kind: Kind) -> None:
    """It is in quarantine from then, and among the rows; one that is still bad counts where it is."""
    kind.use(commits(batch(1, page("a", rejects=[reject(b"mended"), reject(b"bad")]))))
    first = batch(1, page("a", "mended", rejects=[reject(b"bad"), reject(b"bad")]), total=5, complete=True)
    (short,) = kind.use(commits(first), restart=True)
    assert (short.rows, short.duplicates, short.quarantined) == (1, 3, 0)
    assert (short.complete, short.missing) == (False, 2)
    (whole,) = kind.use(commits(batch(2, page("b", rejects=[reject(b"new")]), total=5, complete=True)))
    assert (whole.complete, whole.missing) == (True, 0)
    assert kind.connected()[0].checkpoint.complete


def test_another_api_is_refused(kind: Kind) -> None:
    kind.use(commits(batch(1, page("a"))))
    with pytest.raises(ConfigError, match="not of http://other"):
        kind.connected(source="http://other")


def test_rejects_are_kept_as_they_came(local: Kind) -> None:
    raw = b'{"id": null, "x": "\xff\x00"}'
    local.use(commits(batch(1, page("a", rejects=(reject(raw), reject(raw), reject(raw, "other"))))))
    assert sorted(local.rejects()) == [("other", raw), ("required_missing", raw)]


def test_rows_that_are_gone_are_noticed(local: Kind) -> None:
    local.use(commits(batch(1, page("a", "b"), complete=True)))
    if local.name == "duckdb":
        import duckdb

        with duckdb.connect(local.folder / "data.duckdb") as db:
            db.execute("DELETE FROM ingested_events WHERE id = 'a'")
    elif local.name == "jsonl":
        (local.folder / "ingested_events.jsonl").write_bytes(b"")
    else:
        (local.folder / "ingested_events" / "part-000001.parquet").unlink()
    with pytest.raises(RowsMissing):
        local.connected()


def test_other_columns_are_refused(local: Kind) -> None:
    import msgspec

    local.use(commits(batch(1, page("a"))))
    local.plan = msgspec.structs.replace(local.plan, columns=local.plan.columns[:-1])
    with pytest.raises(SchemaMismatch):
        local.connected()


def test_what_somebody_else_wrote_is_not_touched(local: Kind) -> None:
    path = (
        local.folder
        / {"jsonl": "ingested_events.jsonl", "parquet": "ingested_events/x", "duckdb": "data.duckdb"}[local.name]
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text("theirs")
    with pytest.raises((SchemaMismatch, ConfigError)):
        local.use(commits())
    assert path.read_text() == "theirs"


def test_append_takes_every_row(local: Kind) -> None:
    (done,) = local.use(commits(batch(1, page("a", "a"), total=2, complete=True)), mode="append")
    assert (done.rows, done.duplicates, done.complete) == (2, 0, True)
    assert local.ids() == ["a", "a"]


def test_replaced_rows_stay_until_the_new_ones_are_complete(local: Kind) -> None:
    again = RoundSettings(again=True)
    local.use(commits(batch(1, page("a", "b"), total=2, complete=True)), mode="replace")
    assert local.ids() == ["a", "b"]
    local.use(commits(batch(1, page("c"))), mode="replace", rounds=again)
    assert local.ids() == ["a", "b"]
    (done,) = local.use(commits(batch(2, page("c", "d"), complete=True)), mode="replace", rounds=again)
    assert (done.rows, done.duplicates, done.complete) == (1, 1, True)
    assert local.ids() == ["c", "d"]
    assert local.connected(mode="replace")[0].checkpoint.complete


def test_a_finished_stream_is_read_on_from_its_newest_row(local: Kind) -> None:
    newest = 1_705_314_600_123_000
    assert local.connected(rounds=RoundSettings(start_us=5))[0].checkpoint.since_us == 5
    local.use(commits(batch(1, page("a"), complete=True, newest_us=newest)))
    again = RoundSettings(again=True, lookback_us=1_000)
    state = PartitionState(checkpoint=Checkpoint(since_us=newest - 1_000, newest_us=newest))
    assert local.connected(rounds=again) == (state,)
    (done,) = local.use(commits(batch(1, page("a", "b"), total=2, complete=True)), rounds=again)
    assert (done.rows, done.duplicates, done.complete) == (1, 1, True)
    assert local.ids() == ["a", "b"]


def test_a_total_of_what_is_newer_is_held_against_what_the_round_was_served(kind: Kind) -> None:
    """There are more rows than that, whatever is missing; and a page that is read again makes up for nothing."""
    again = RoundSettings(again=True)
    kind.use(commits(batch(1, page("a", "b", "c"), newest_us=100, complete=True)), rounds=again)
    (short,) = kind.use(commits(batch(1, page("d"), page("e"), total=4, complete=True)), rounds=again)
    assert (short.complete, short.missing) == (False, 2)
    (repeated,) = kind.use(commits(batch(2, page("e"), total=4, complete=True)), rounds=again)
    assert (repeated.complete, repeated.missing) == (False, 2)
    (whole,) = kind.use(commits(batch(3, page("e", "f", "g"), total=4, complete=True)), rounds=again)
    assert (whole.rows, whole.complete, whole.missing) == (2, True, 0)


def test_what_a_chain_was_served_before_it_began_anew_proves_no_end(kind: Kind) -> None:
    import msgspec

    again = RoundSettings(again=True)
    kind.use(commits(batch(1, page("a"), newest_us=100, complete=True)), rounds=again)
    anew = msgspec.structs.replace(page("b"), again=True)
    (short,) = kind.use(
        lambda sink: _last(sink, batch(1, page("b", "c"), total=3), batch(2, anew, total=3, complete=True)),
        rounds=again,
    )
    assert (short.complete, short.missing) == (False, 2)


async def _last(sink: Sink, *batches: Batch) -> list[Committed]:
    return [await sink.commit(one) for one in batches][-1:]


@pytest.mark.parametrize("name", ["jsonl", "parquet"])
def test_files_refuse_to_replace_rows(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be replaced"):
        Kind(name, tmp_path).sink(policy=ConflictPolicy("update"))


def test_batches_are_stored_in_the_order_of_the_calls_and_none_after_one_that_failed(local: Kind) -> None:
    import msgspec

    async def work(sink: Sink) -> list[Any]:
        odd = msgspec.structs.replace(page("b"), records=5)
        calls = [batch(1, page("a")), batch(2, odd, complete=True), batch(3, page("c"))]
        return await asyncio.gather(*map(sink.commit, calls), return_exceptions=True)

    first, second, third = local.use(work)
    assert first.rows == 1
    assert isinstance(second, CountsDiffer)
    assert isinstance(third, Exception)
    assert local.ids() == ["a"]
