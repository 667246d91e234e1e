"""What this process holds of a shared bucket: slots to use, requests on their way, and what the row is to be told."""

import heapq

import msgspec

from datasync.limits.shared_row import Call, Turn

BEAT = 1.0
"""Seconds between two looks at what is to be told, before the first lease says how long it lives."""


class Slot(msgspec.Struct, eq=False):
    """The right to send one request now. Say what became of it: `SharedBudget.answered` or `.unsent`.

    Attributes:
        bucket: the bucket it belongs to.
        opened: since when it might be used, by this process's clock.
    """

    bucket: str
    opened: float


class Stock:
    """One bucket's slots in this process. All times are by its own clock, in seconds.

    Attributes:
        life: seconds that a lease lives after a call.
        asked_at: when the last call began.
    """

    def __init__(self, bucket: str, max_slots: int, window: float) -> None:
        self.bucket = bucket
        self.life = 4 * BEAT
        self.asked_at = float("-inf")
        self._max_slots = max(1, max_slots)  # with none at all nobody could ever learn better
        self._window = window
        self._by_api = False
        self._unused: list[float] = []  # when each opens; a heap
        self._in_flight: set[Slot] = set()
        self._frees_at: list[float] = []
        self._taken: tuple[int, float] | None = None
        self._blocked_until = 0.0
        self._tell_block = False
        self._heard = 0
        self._lease = 0
        self._good_until = float("-inf")
        self._ask_at = float("-inf")
        self._expected_at = float("-inf")

    @property
    def wants(self) -> int:
        """Slots to ask for: an eighth of the budget, and none while there is nearly twice as much."""
        block = max(1, self._max_slots // 8)
        missing = 2 * block - len(self._unused)
        return min(block, missing) if 2 * missing >= block else 0

    @property
    def is_idle(self) -> bool:
        """There is nothing to tell and nothing to keep."""
        return not (self._unused or self._in_flight or self._frees_at or self._tell_block)

    def opens_in(self, now: float) -> float | None:
        """Seconds until a slot may be used; None when there is none, or the lease is too old to be trusted."""
        if not self._unused or now >= self._good_until:
            return None
        return max(0.0, self._unused[0] - now, self._blocked_until - now)

    def asks_in(self, now: float) -> float | None:
        """Seconds until asking for more makes sense; None while there is enough."""
        if self.opens_in(now) is not None and not self.wants:
            return None
        return max(0.0, self._ask_at - now)

    def take(self) -> Slot:
        """Use the first slot."""
        slot = Slot(self.bucket, heapq.heappop(self._unused))
        self._in_flight.add(slot)
        return slot

    def expect(self, at: float) -> None:
        """Note when somebody will come for a slot."""
        self._expected_at = max(self._expected_at, at)

    def is_forgotten(self, now: float) -> bool:
        """Nobody came for a slot when he was expected."""
        return now > self._expected_at + self.life / 4

    def answered(self, slot: Slot, now: float) -> None:
        """See SharedBudget."""
        self._in_flight.remove(slot)
        self._frees_at.append(now + self._window)

    def spent(self, now: float) -> None:
        """See SharedBudget."""
        self._frees_at.append(now + self._window)

    def unsent(self, slot: Slot) -> None:
        """See SharedBudget."""
        self._in_flight.remove(slot)
        heapq.heappush(self._unused, slot.opened)

    def told(self, max_slots: int, window: float, remaining: int | None, now: float) -> None:
        """See SharedBudget."""
        if (max(1, max_slots), window) != (self._max_slots, self._window):
            self._limit_is(max(1, max_slots), window, by_api=True)
        if remaining is not None:
            self._taken = max_slots - remaining, now

    def blocked(self, until: float) -> None:
        """Use no slot before, and tell so."""
        self._blocked_until = max(self._blocked_until, until)
        self._tell_block = True

    def drop_unused(self, now: float) -> None:
        """Give back what is not used. A slot that is not open yet is told when it opens: till then it is spent."""
        self._frees_at.extend(opens for opens in self._unused if opens > now)
        self._unused.clear()

    def call(self, holder: str, epoch: int, want: int | None, now: float) -> Call:
        """What to tell and ask."""
        self.asked_at = now
        return Call(
            holder=holder,
            epoch=epoch,
            lease=self._lease,
            heard=self._heard,
            max_slots=self._max_slots,
            window=self._window,
            by_api=self._by_api,
            frees_in=[at - now for at in self._frees_at],
            in_flight=len(self._in_flight),
            unused=len(self._unused),
            want=want,
            block=max(0.0, self._blocked_until - now) if self._tell_block else 0.0,
            taken=None if self._taken is None else self._taken[0],
            taken_age=0.0 if self._taken is None else now - self._taken[1],
        )

    def learn(self, call: Call, turn: Turn, now: float) -> None:
        """Take the answer to `call`. Meanwhile slots may have been used and answered, and more may be there to tell.

        Spans count from before the call where a lease must not be used too long, and from after it where a slot must
        not be used too soon.
        """
        self._heard = call.epoch
        del self._frees_at[: len(call.frees_in)]
        if self._taken is not None and self._taken[1] <= self.asked_at:
            self._taken = None
        if self._blocked_until <= self.asked_at + call.block:
            self._tell_block = False
        if (call.max_slots, call.window) == (self._max_slots, self._window):
            self._limit_is(turn.max_slots, turn.window, by_api=False)
        if turn.lease != self._lease:
            self._unused.clear()
            self._lease = turn.lease
        for seconds in turn.opens_in:
            heapq.heappush(self._unused, now + seconds)
        self._blocked_until = max(self._blocked_until, now + turn.blocked)
        self._good_until = self.asked_at + turn.life / 2
        self.life = turn.life
        if call.want is not None:
            self._ask_at = now + turn.wait

    def _limit_is(self, max_slots: int, window: float, *, by_api: bool) -> None:
        if window > self._window:
            self._frees_at = [at + window - self._window for at in self._frees_at]
        self._max_slots, self._window, self._by_api = max_slots, window, by_api
