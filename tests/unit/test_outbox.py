"""Pages become batches without being split, reordered or lost, whatever the sizes and whoever is faster."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from datasync.config.schema import BatchSettings
from datasync.model import Batch, Checkpoint, Chunk, Reject, Window
from datasync.pipeline.outbox import Outbox


def chunk(rows: int, nbytes: int = 100) -> Chunk:
    return Chunk(rows, nbytes, rows, [], None, None, None, None, None)


@given(
    sizes=st.lists(st.integers(0, 12), max_size=30),
    limit=st.integers(1, 20),
    waiting=st.integers(1, 3),
    writer_rests=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    fetcher_rests=st.lists(st.integers(0, 4), min_size=1, max_size=5),
)
def test_every_page_comes_out_once_in_order_with_the_checkpoint_of_its_batchs_last_page(
    sizes: list[int], limit: int, waiting: int, writer_rests: list[int], fetcher_rests: list[int]
) -> None:
    async def main() -> list[Batch]:
        box = Outbox(BatchSettings(rows=limit, waiting=waiting))
        out: list[Batch] = []

        async def fetch() -> None:
            for number, size in enumerate(sizes):
                await box.put(0, chunk(size), Checkpoint(pages=number + 1))
                for _ in range(fetcher_rests[number % len(fetcher_rests)]):
                    await asyncio.sleep(0)
            await box.close()

        async def write() -> None:
            while (batch := await box.take()) is not None:
                out.append(batch)
                for _ in range(writer_rests[len(out) % len(writer_rests)]):
                    await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            group.create_task(fetch())
            group.create_task(write())
        return out

    batches = asyncio.run(main())
    assert [c.row_count for batch in batches for c in batch.chunks] == sizes
    pages = 0
    for batch in batches:
        pages += len(batch.chunks)
        assert batch.checkpoint.pages == pages
        assert batch.row_count <= limit or len(batch.chunks) == 1


def test_fetching_stops_while_two_full_batches_wait() -> None:
    async def main() -> int:
        box = Outbox(BatchSettings(rows=10, waiting=2))
        put = 0

        async def fetch() -> None:
            nonlocal put
            while True:
                await box.put(0, chunk(5), Checkpoint())
                put += 1

        task = asyncio.ensure_future(fetch())
        for _ in range(100):
            await asyncio.sleep(0)
        blocked_at = put
        await box.take()
        for _ in range(100):
            await asyncio.sleep(0)
        task.cancel()
        return put - blocked_at if blocked_at == 4 else -1

    assert asyncio.run(main()) == 2


@given(
    pages=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7)), max_size=40),
    limit=st.integers(1, 15),
    takes=st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_batches_hold_pages_of_one_partition_in_its_order_and_all_partitions_share_the_room(
    pages: list[tuple[int, int]], limit: int, takes: list[bool]
) -> None:
    async def main() -> list[Batch]:
        box = Outbox(BatchSettings(rows=limit, waiting=2))
        out: list[Batch] = []
        held = 0

        async def take() -> None:
            nonlocal held
            batch = await box.take()
            assert batch is not None
            held -= batch.row_count
            out.append(batch)

        for number, (partition, rows) in enumerate(pages):
            putting = asyncio.ensure_future(box.put(partition, chunk(rows), Checkpoint(pages=number)))
            await asyncio.sleep(0.0)
            while not putting.done():
                assert held >= 2 * limit, "fetching waits only while the room is taken"
                await take()
                await asyncio.sleep(0.0)
            held += rows
            if takes[number]:
                await take()
        await box.close()
        while (batch := await box.take()) is not None:
            out.append(batch)
        return out

    batches = asyncio.run(main())
    for partition in range(4):
        mine = [batch for batch in batches if batch.partition == partition]
        rows = [c.row_count for batch in mine for c in batch.chunks]
        assert rows == [count for owner, count in pages if owner == partition]
        last = [batch.checkpoint.pages for batch in mine]
        assert last == sorted(last)
        assert all(pages[number][0] == partition for number in last)


def test_windows_come_with_the_next_batch_of_any_partition_and_only_once() -> None:
    async def main() -> list[Batch | None]:
        box = Outbox(BatchSettings(rows=10))
        await box.put(0, chunk(1), Checkpoint())
        box.share({0: Window(5, None), 1: Window(None, 5)})
        await box.put(1, chunk(1), Checkpoint())
        box.share({1: Window(3, 5), 2: Window(None, 3)})
        return [await box.take(), await box.take()]

    first, second = asyncio.run(main())
    assert first is not None
    assert second is not None
    assert first.windows == {0: Window(5, None), 1: Window(3, 5), 2: Window(None, 3)}
    assert second.windows == {}


def test_what_was_refused_takes_room_too() -> None:
    async def main() -> bool:
        box = Outbox(BatchSettings(nbytes=1000, waiting=1))
        refused = Chunk(0, 0, 1, [Reject(None, 0, 0, "code", "", b"x" * 1000)], None, None, None, None, None)
        await box.put(0, refused, Checkpoint())
        putting = asyncio.ensure_future(box.put(0, chunk(1), Checkpoint()))
        await asyncio.sleep(0.0)
        waits = not putting.done()
        putting.cancel()
        return waits

    assert asyncio.run(main())


def test_an_idle_writer_gets_a_single_page_at_once() -> None:
    async def main() -> Batch | None:
        box = Outbox(BatchSettings(rows=10_000))
        await box.put(0, chunk(1), Checkpoint(pages=1))
        return await box.take()

    batch = asyncio.run(main())
    assert batch is not None
    assert batch.row_count == 1


def test_a_batch_is_full_by_bytes_too() -> None:
    async def main() -> list[int]:
        box = Outbox(BatchSettings(rows=10_000, nbytes=1000, waiting=5))
        for _ in range(4):
            await box.put(0, chunk(1, 600), Checkpoint())
        await box.close()
        out = []
        while (batch := await box.take()) is not None:
            out.append(len(batch.chunks))
        return out

    assert asyncio.run(main()) == [1, 1, 1, 1]
