"""Who obeys the signals of this process: each run that listens, however many there are, in whatever order they end."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

Listener = Callable[[int], None]
"""Is told the number of each signal, in the main thread, between any two of its instructions."""

_listeners: Final[list[Listener]] = []
_before: Final[dict[int, Any]] = {}
"""The handlers that were there when the first one came."""


@contextmanager
def heard(listener: Listener, numbers: Sequence[int]) -> Iterator[None]:
    """Tell `listener` of signals meanwhile, besides the others that listen.

    The handlers that were there are put back when the last one leaves, but where somebody has set one of his own since.
    Only the main thread may set handlers: in any other nobody is told of signals.

    Args:
        listener: what is told.
        numbers: of the signals; but SIGHUP stays ignored where it was, as under `nohup`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if not _listeners:
        for number in numbers:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                _before[number] = signal.signal(number, _on_signal)
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
        if not _listeners:
            for number, handler in _before.items():
                if signal.getsignal(number) is _on_signal:
                    signal.signal(number, handler)
            _before.clear()


def _on_signal(number: int, _frame: FrameType | None) -> None:
    for listener in tuple(_listeners):
        listener(number)
