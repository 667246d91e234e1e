"""What stories of partitions have in common: answers in any order, commits and kills at any time."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from datasync.model import Window
from tests.engine import Engine, Store


class Driven(RuleBasedStateMachine):
    """An engine between two kills. A story begins with `engine` and `store`."""

    engine: Engine
    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()

    @precondition(lambda self: self.engine.transport.waiting)
    @rule(which=st.integers(0, 7))
    def answer(self, which: int) -> None:
        self.engine.answer(which % len(self.engine.transport.waiting))

    @rule()
    def commit(self) -> None:
        self.engine.commit()

    def windows(self) -> Iterator[Sequence[Window]]:
        """Those of the run, and those that are stored."""
        yield [part.window for part in self.engine.line.parts]
        yield [state.window for state in self.store.states.values()]

    def finish(self) -> None:
        """Read everything, and store it."""
        while not self.engine.done or self.engine.commit():
            if self.engine.transport.waiting:
                self.engine.answer(0)
            self.engine.commit()


def whole(bounds: Sequence[tuple[int | None, int | None]] | Sequence[tuple[str | None, str | None]]) -> bool:
    """Whether windows with these bounds are the whole line: no gap, no overlap."""
    begun = [one for one in bounds if one[0] is None]
    ordered = begun + sorted(one for one in bounds if one[0] is not None)
    ends = len(begun) == 1 and ordered[-1][1] is None
    return ends and all(one[1] == other[0] is not None for one, other in pairwise(ordered))
