"""Several runs in one process share its signals, and leave it as they found it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from datasync.pipeline.listeners import heard

NUMBERS = (signal.SIGUSR1, signal.SIGUSR2)


@pytest.fixture
def mine() -> Iterator[list[int]]:
    """Handlers of the host's own, and what they are told."""
    told: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: told.append(number)) for number in NUMBERS}
    yield told
    for number, handler in before.items():
        signal.signal(number, handler)


def begun(told: list[int]) -> AbstractContextManager[None]:
    listening = heard(told.append, NUMBERS)
    listening.__enter__()
    return listening


def handlers() -> list[Any]:
    return [signal.getsignal(number) for number in NUMBERS]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_handlers_are_put_back_when_the_last_run_ends_in_whatever_order_they_do(
    mine: list[int], order: tuple[int, ...]
) -> None:
    before = handlers()
    told: list[list[int]] = [[], [], []]
    runs = [begun(one) for one in told]
    for ended, number in enumerate(order, start=1):
        runs[number].__exit__(None, None, None)
        signal.raise_signal(signal.SIGUSR1)
        left = order[ended:]
        assert all(told[one] == [signal.SIGUSR1] * ended for one in left), "each that goes on is told"
        assert len(told[number]) == ended - 1, "one that ended is told no more"
    assert handlers() == before
    assert mine == [signal.SIGUSR1], "the last one came when nobody else listened"


def test_a_handler_that_the_host_sets_meanwhile_stays(mine: list[int]) -> None:
    run = begun([])
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    run.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGUSR1) not in (signal.SIG_IGN, signal.SIG_DFL)


def test_in_another_thread_no_handler_is_set(mine: list[int]) -> None:
    before = handlers()
    seen: list[list[Any]] = []

    def run() -> None:
        with heard(lambda _number: None, NUMBERS):
            seen.append(handlers())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
