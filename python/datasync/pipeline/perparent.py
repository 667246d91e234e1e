"""A lane whose plan depends on whose page it is."""

from collections.abc import Callable

from datasync.model import Chunk, EncoderPlan
from datasync.pipeline.lanes import Lane


class PerParent:
    """See Lane. Pages of one parent follow each other, so the last plan is kept and no other."""

    def __init__(
        self,
        plan_at: Callable[[str | None], EncoderPlan],
        named: Callable[[str | None], str | None],
        choose: Callable[[EncoderPlan], Lane],
    ) -> None:
        """Take what gives the plan for the page at a cursor.

        Args:
            plan_at: gives it.
            named: gives the cursor that rejects of the page are kept with: out of it their parent is known later.
            choose: makes a lane of a plan.
        """
        self._plan_at = plan_at
        self._named = named
        self._choose = choose
        self._plan = plan_at(None)
        self._lane = choose(self._plan)
        self.name = self._lane.name
        self.weight = self._lane.weight

    def beside(
        self, plan_at: Callable[[str | None], EncoderPlan], named: Callable[[str | None], str | None]
    ) -> "PerParent":
        """One for other parents, to be used at the same time."""
        return PerParent(plan_at, named, self._choose)

    def peek(self, body: bytes) -> tuple[str | None, bool | None]:
        """See Lane."""
        return self._lane.peek(body)

    def encode(self, body: bytes, *, cursor: str | None, now_us: int) -> Chunk:
        """See Lane."""
        plan = self._plan_at(cursor)
        if plan != self._plan:
            self._plan, self._lane = plan, self._choose(plan)
        return self._lane.encode(body, cursor=self._named(cursor), now_us=now_us)
