"""The receive-time sliding ledger: so many requests in any window, as the server counts them."""

import heapq
import math
from collections import deque
from typing import Final

GUARD: Final = 0.005
"""Seconds that a slot is left alone beyond its window, for the server's clock to tick over."""

DRIFT: Final = 5e-4
"""Seconds a second by which two clocks may part: 500 ppm is the most that NTP corrects."""

MAX_DRIFT: Final = 2.0
"""Seconds. In a day clocks are set right."""

MOST: Final = 10_000
"""Requests that are remembered. More in a window count as that many."""


class RoundTrip:
    """The shortest way to the server and back that was seen.

    A request counts when it arrives, which is half of this before its answer comes; the request that takes its slot
    arrives half of this after it is sent. So a slot is free again that much sooner than the window after the answer.
    Few answers may not have shown the shortest way yet, so they are believed in part; the more they differ, the less.
    """

    def __init__(self) -> None:
        self._least = math.inf
        self._mean = 0.0
        self._answers = 0

    def saw(self, seconds: float) -> None:
        """Take the time of one request."""
        seconds = max(0.0, seconds)
        self._least = min(self._least, seconds)
        self._answers += 1
        self._mean += (seconds - self._mean) / self._answers

    @property
    def credit(self) -> float:
        """Seconds."""
        if not self._answers:
            return 0.0
        doubt = (self._least + _SPREAD * (self._mean - self._least)) / math.sqrt(self._answers)
        return max(0.0, self._least - doubt)


class Ledger:
    """Remembers when each request counted at the latest, and says when one more fits into the window.

    That the server counts when a request arrives, and not when it is sent, is what limiters on the sender's side get
    wrong: by the jitter of the network two requests can arrive closer together than they were sent. Requests without an
    answer count as being in the window. Times are monotonic seconds; each method takes O(1), amortized.

    Attributes:
        limit: requests, or units of cost, in a window.
        window: seconds.
        in_flight: requests without an answer.
        most: what a request costs at the most, as far as is known.
    """

    def __init__(self, limit: float, window: float, round_trip: RoundTrip) -> None:
        self.limit = limit
        self.window = window
        self._round_trip = round_trip
        self._counted: deque[tuple[float, float]] = deque(maxlen=MOST)  # when at the latest, and its weight
        self._weight = 0.0
        self.in_flight = 0
        self._freed: deque[tuple[float, float]] = deque(maxlen=_FREED)  # when, and how much
        self._held: deque[tuple[float, float]] = deque()  # what others use: until when, and how much
        self._hold = 0.0
        self._costs = 1.0  # of a request, as far as is known
        self.most = 1.0

    def delay(self, now: float) -> float:
        """Seconds until one more request fits; inf if only an answer can tell."""
        self._expire(now)
        over = self._used() + self.most - self.limit
        if over <= _LITTLE:
            return 0.0
        # What frees itself first, until enough is free. Mostly that is the first one.
        held, counted = iter(self._held), iter(self._counted)
        next_held, next_counted = next(held, None), next(counted, None)
        after = self._life()
        while next_held or next_counted:
            if next_counted is None or (next_held and next_held[0] <= next_counted[0] + after):
                assert next_held is not None
                at, amount = next_held
                next_held = next(held, None)
            else:
                at, amount = next_counted[0] + after, next_counted[1]
                next_counted = next(counted, None)
            over -= amount
            if over <= _LITTLE:
                return max(0.0, at - now)
        return math.inf

    def sent(self) -> None:
        """Count a request that goes out."""
        self.in_flight += 1

    def counted(self, now: float, weight: float = 1.0) -> None:
        """Count one that went out as counted by now: its answer is here, or none is expected any more."""
        self.drop()
        if len(self._counted) == MOST:
            self._weight -= self._counted[0][1]
        self._counted.append((now, weight))
        self._weight += weight

    def absorb(self, other: "Ledger") -> None:
        """Count what `other` counted, too: both are one. What each held for others was mostly the other's."""
        self._counted = deque(heapq.merge(self._counted, other._counted), maxlen=MOST)  # noqa: SLF001
        self._weight = sum(weight for _, weight in self._counted)
        self.in_flight += other.in_flight
        self._held.clear()
        self._hold = 0.0

    def freed(self, since: float) -> float:
        """How much has become free after that moment."""
        amount = 0.0
        for at, weight in reversed(self._freed):
            if at <= since:
                break
            amount += weight
        return amount

    def crowded(self, remaining: float, doubt: float) -> bool:
        """Requests in flight may use up all that an answer told as remaining, if each costs so many times the usual."""
        return self.in_flight > 0 and remaining < doubt * self.in_flight * self._costs + max(doubt, self.most)

    def drop(self) -> None:
        """Forget a request that went out: it didn't count. One from before this ledger isn't missed."""
        self.in_flight = max(0, self.in_flight - 1)

    def used(self, now: float) -> float:
        """How much of the limit the window holds, requests in flight and other users' included."""
        self._expire(now)
        return self._used()

    def free(self, now: float) -> float:
        """How much of the limit is free by our own count."""
        return self.limit - self.used(now)

    @property
    def holds(self) -> bool:
        """Others use a part of it."""
        return self._hold > _LITTLE

    def hold(self, amount: float, until: float) -> None:
        """Count `amount` as used by others until then. Holds end in the order in which they began."""
        if self._held:
            until = max(until, self._held[-1][0])
        self._held.append((until, amount))
        self._hold += amount

    def release(self, amount: float) -> None:
        """Take back as much of what is held for others, the latest first."""
        while self._held and amount > _LITTLE:
            until, held = self._held.pop()
            self._hold -= held
            if held > amount:
                self._held.append((until, held - amount))
                self._hold += held - amount
            amount -= held

    def forget(self, before: float) -> None:
        """Begin a new window: what was counted or held before that moment is not in it. Requests in flight are."""
        while self._counted and self._counted[0][0] < before:
            self._weight -= self._counted.popleft()[1]
        self._held.clear()
        self._hold = 0.0

    def costs(self, amount: float, *, fade: float) -> None:
        """Learn that a request costs so much: the mean is expected of those in flight, the most of the next one.

        With each request the most is believed `fade` times as much.
        """
        self._costs += (amount - self._costs) * _LEARN
        self.most = max(amount, self.most * fade)
        if self.most < _ONE:
            self.most = 1.0

    def counted_before(self, moment: float, amount: float) -> bool:
        """More than that amount of what is in the window counted before that moment."""
        found = 0.0
        for at, weight in self._counted:
            if at >= moment:
                break
            found += weight
            if found > amount:
                return True
        return False

    def since(self, moment: float) -> list[float]:
        """When each request counted that did so after `moment`, oldest first."""
        found: list[float] = []
        for at, _ in reversed(self._counted):
            if at <= moment:
                break
            found.append(at)
        return found[::-1]

    def _used(self) -> float:
        return self._weight + self._hold + self.in_flight * self._costs

    def _life(self) -> float:
        return self.window + GUARD + min(MAX_DRIFT, DRIFT * self.window) - self._round_trip.credit

    def _expire(self, now: float) -> None:
        if math.isinf(self.window):
            return
        life = self._life()
        while self._counted and self._counted[0][0] <= now - life:
            at, weight = self._counted.popleft()
            self._weight -= weight
            self._freed.append((at + life, weight))
        while self._held and self._held[0][0] <= now:
            self._hold -= self._held.popleft()[1]


_SPREAD: Final = 2.0
_ONE: Final = 1.5
_FREED: Final = 1000
_LITTLE: Final = 1e-6
_LEARN: Final = 0.1
