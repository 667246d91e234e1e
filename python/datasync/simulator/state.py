"""One simulated API: its data, damage, limits and memory of what it served, tied together for the handlers."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from typing import Any

from datasync.simulator.chaos import Chaos, parse_chaos
from datasync.simulator.dataset import Dataset
from datasync.simulator.limits import Clock, Limits, parse_plan
from datasync.simulator.options import SimulatorOptions
from datasync.simulator.pages import PageRenderer
from datasync.simulator.served import ServedLog


class Simulator:
    """What all requests share. The clock gives epoch seconds and decides limits, cursors and tokens."""

    def __init__(self, options: SimulatorOptions, clock: Clock = time.time) -> None:
        began = time.perf_counter()
        self.options = options
        self.clock = clock
        self.dataset = Dataset(options.seed, options.count, options.crowd)
        damage_seed = options.seed if options.chaos_seed is None else options.chaos_seed
        self.chaos = Chaos(parse_chaos(options.chaos), damage_seed, options.count)
        self.limits = Limits(parse_plan(options.rate_limit), clock, count_refused=options.count_refused)
        self.pages = PageRenderer(self.dataset, self.chaos.damaged, options.page_cache_mb << 20)
        self.dashboard = options.dashboard()
        self.served = ServedLog()
        self._tokens: dict[str, float] = {}
        self._shown = 0
        if options.prerender in ("list", "both"):
            self.pages.prerender(options.page_cap, options.timestamps)
        if options.prerender in ("feed", "both"):
            self.pages.prerender(options.page_cap, "ms")
        self.startup_seconds = time.perf_counter() - began
        self._began = clock()

    def newest(self) -> int:
        """Give the index of the newest event that is there by now."""
        if not self.options.late:
            return 0
        appeared = int((self.clock() - self._began) * self.options.late_per_second)
        return max(0, self.options.late - appeared)

    def total(self, newest: int) -> int:
        """Give the number of events that the API declares while `newest` is the newest."""
        return self.dataset.count - (newest if self.options.late_counted else self.options.late)

    def new_token(self) -> str:
        """Give a stream token; earlier ones stay good for their own time."""
        now = self.clock()
        self._tokens = {token: ends for token, ends in self._tokens.items() if ends > now}
        token = secrets.token_hex(32)
        self._tokens[token] = now + self.options.token_ttl
        return token

    def knows_token(self, token: str | None) -> bool:
        """Tell whether a stream token that the feed was shown is one of ours and still good."""
        self._shown += 1
        if self.options.drop_tokens_every and self._shown % self.options.drop_tokens_every == 0:
            self._tokens.clear()
        return token is not None and self._tokens.get(token, 0.0) > self.clock()

    def totals(self) -> dict[str, int]:
        """Count what there is."""
        people = self.dataset.people
        return {"events": self.total(self.newest()), "users": people.users, "sessions": people.sessions}

    def stats(self) -> dict[str, Any]:
        """Count what was done; `cpuSeconds` is of the whole process, so that a bench can take a difference."""
        entries = self.served.entries()
        return {
            "seed": self.options.seed,
            **self.totals(),
            "answers": len(entries),
            "eventsServed": sum(entry.count for entry in entries if entry.complete),
            "byStatus": {str(status): n for status, n in sorted(Counter(entry.status for entry in entries).items())},
            "byEndpoint": dict(sorted(Counter(entry.endpoint for entry in entries).items())),
            "chaos": self.chaos.applied(),
            "damagedRecords": dict(sorted(Counter(self.chaos.damaged.values()).items())),
            "startupSeconds": round(self.startup_seconds, 3),
            "cpuSeconds": time.process_time(),
        }
