import asyncio
import signal
import time
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from datasync.pipeline.shutdown import Stop
from datasync.pipeline.watchdog import POLL, Watchdog


def a_hook_that_blocks(seconds: float) -> None:
    time.sleep(seconds)


def watched(*work: float) -> list[dict[str, object]]:
    """What is said while the loop is blocked for so long, one time after the other."""

    async def main() -> None:
        async with Watchdog(Stop(), total=60, last_word=lambda: None, blocked=2 * POLL):
            for seconds in work:
                a_hook_that_blocks(seconds)
                await asyncio.sleep(2 * POLL)

    with capture_logs() as logs:
        asyncio.run(main())
    return [dict(line) for line in logs]


@pytest.mark.fault(60)
def test_who_blocks_the_loop_is_named_once_each_time_it_does() -> None:
    said = watched(6 * POLL, 6 * POLL)
    assert [line["event"] for line in said] == ["the event loop is blocked"] * 2
    for line in said:
        assert str(line["where"]).startswith(__file__)
        assert str(line["where"]).endswith("in a_hook_that_blocks")


def test_a_loop_that_turns_is_left_alone() -> None:
    assert watched(0.01, 0.01) == []


@pytest.fixture
def ignored() -> Iterator[None]:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what `nohup` does
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.fault(58)
def test_a_hangup_that_is_ignored_stays_ignored(ignored: None) -> None:
    async def main() -> None:
        with Stop().listening():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL

    asyncio.run(main())


@pytest.mark.usefixtures("hangup")
def test_the_handlers_that_were_there_are_put_back() -> None:
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

    async def main() -> None:
        before = [signal.getsignal(number) for number in numbers]
        with Stop().listening():
            assert all(signal.getsignal(number) is not handler for number, handler in zip(numbers, before, strict=True))
        assert [signal.getsignal(number) for number in numbers] == before

    asyncio.run(main())
