import asyncio

import pytest
from structlog.testing import capture_logs

from datasync.pipeline.shutdown import Stop, Stopped


def test_a_wait_ends_at_once_when_a_stop_is_requested() -> None:
    async def main() -> None:
        stop = Stop()
        asyncio.get_running_loop().call_soon(stop.request)
        with pytest.raises(Stopped):
            await stop.wait(3600)

    asyncio.run(main())


def test_a_wait_without_a_stop_just_sleeps() -> None:
    async def main() -> None:
        await Stop().wait(0.001)

    asyncio.run(main())


def test_guarded_work_is_cancelled_by_a_stop() -> None:
    async def main() -> None:
        stop = Stop()
        cancelled = asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        asyncio.get_running_loop().call_soon(stop.request)
        with pytest.raises(Stopped):
            await stop.guard(work())
        assert cancelled.is_set()

    asyncio.run(main())


def test_guarded_work_gives_its_result_or_its_own_error() -> None:
    async def good() -> int:
        await asyncio.sleep(0)
        return 7

    async def bad() -> int:
        await asyncio.sleep(0)
        raise LookupError("mine")

    async def main() -> None:
        assert await Stop().guard(good()) == 7
        with pytest.raises(LookupError, match="mine"):
            await Stop().guard(bad())

    asyncio.run(main())


def test_a_callback_set_after_the_stop_is_called_at_once() -> None:
    async def main() -> list[int]:
        stop = Stop()
        stop.request()
        called: list[int] = []
        stop.on_request(lambda: called.append(1))
        return called

    assert asyncio.run(main()) == [1]


def test_a_callback_that_raises_keeps_no_other_from_being_called() -> None:
    async def main() -> list[int]:
        stop = Stop()
        called: list[int] = []
        stop.on_request(lambda: called.append(1 // 0))
        stop.on_request(lambda: called.append(2))
        with capture_logs() as logs:
            stop.request()
        assert [line["log_level"] for line in logs] == ["error"]
        return called

    assert asyncio.run(main()) == [2]


def test_a_callback_that_was_taken_back_is_called_no_more() -> None:
    async def main() -> list[int]:
        stop = Stop()
        called: list[int] = []
        forget = stop.on_request(lambda: called.append(1))
        stop.on_request(lambda: called.append(2))
        forget()
        stop.request()
        return called

    assert asyncio.run(main()) == [2]
