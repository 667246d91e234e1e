"""What a simulated DataSync API is like: one frozen record for the command line, the child process and the tests."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from datasync.simulator.chaos import parse_chaos
from datasync.simulator.dataset import Crowd
from datasync.simulator.limits import parse_plan

#: Begins the line on standard output that ends in the base URL.
READY = "listening on "

TimestampForm = Literal["mixed", "mixed-seconds", "iso", "ms"]
Prerender = Literal["none", "list", "feed", "both"]
FeedBounds = Literal["inclusive", "half-open", "exclusive"]
FeedTotal = Literal["all", "window"]


class SimulatorOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be switched; the defaults are what the real API was seen to do.

    Attributes:
        host: Address to listen on; loopback unless told.
        port: TCP port, 0 takes a free one.
        seed: Decides the data.
        count: Number of events, which is also the declared total.
        late: How many of them, the newest, appear only while it runs.
        late_per_second: How many of those appear each second from the start on.
        late_counted: The declared total counts those that have appeared; else it stays what it was at the start.
        crowd: Where in time 90 % of the events lie in 5 % of it; `none` spreads them evenly.
        api_key: The key that the API wants.
        page_cap: Records per page at most; larger limits are lowered to it silently.
        timestamps: How the list writes timestamps; the feed writes integers of epoch ms always.
        rate_limit: `N/SECONDS` for the list, other endpoints in proportion; `N/SECONDS:KIND` counts in another way
            than a sliding log (`KINDS` in limits.py); `none` is unlimited.
        count_refused: Refused requests take a slot too.
        cursor_ttl: Life of a cursor in seconds, from the start of the request that gave it.
        expired_status: Status for an expired cursor, 400 or 502.
        latency: Seconds before every answer under `/api/v1`.
        gzip: Compress answers for whoever takes gzip.
        chaos: Damage as `kind=probability[:most],..`, see `chaos.py` for the kinds.
        chaos_seed: Decides the damage; the data's seed if absent.
        slow_seconds: Seconds over which a `slow` answer drips.
        dashboard_headers: `Name: value` of each header that stream-access wants besides the key.
        token_ttl: Life of a stream token in seconds.
        drop_tokens_every: Before every so many requests of the feed, all tokens given so far end; 0 is never.
        feed_bounds: Whether `since`/`until` include events exactly on the bound; half-open includes `since` only.
        feed_total: Whether the feed's `meta.total` counts all events or those of the window.
        prerender: Which pages (of `page_cap` records) are rendered before the first request.
        page_cache_mb: Rendered pages are kept up to this many MiB; beyond it they are rendered anew each time.
        exit_with_stdin: End when standard input closes, which ties the process's life to its owner's.
        ready_file: Path of a file to write the base URL into once requests are answered.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    count: int = 100_000
    late: int = 0
    late_per_second: float = 0.0
    late_counted: bool = True
    crowd: Crowd = "none"
    api_key: str = "demo-key"
    page_cap: int = 5_000
    timestamps: TimestampForm = "mixed"
    rate_limit: str = "10/60"
    count_refused: bool = False
    cursor_ttl: float = 120.0
    expired_status: Literal[400, 502] = 400
    latency: float = 0.0
    gzip: bool = False
    chaos: str = ""
    chaos_seed: int | None = None
    slow_seconds: float = 2.0
    dashboard_headers: tuple[str, ...] = ("X-Dashboard-Access: demo",)
    token_ttl: float = 300.0
    drop_tokens_every: int = 0
    feed_bounds: FeedBounds = "inclusive"
    feed_total: FeedTotal = "all"
    prerender: Prerender = "list"
    page_cache_mb: int = 2_048
    exit_with_stdin: bool = False
    ready_file: str | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count must not be negative")
        if not 0 <= self.late <= self.count or not 0 <= self.late_per_second < math.inf:
            raise ValueError("late must be from 0 to count, and late-per-second a number that is not negative")
        if self.page_cap < 1:
            raise ValueError("page-cap must be at least 1")
        if not all(
            0 <= seconds < math.inf for seconds in (self.cursor_ttl, self.latency, self.slow_seconds, self.token_ttl)
        ):
            raise ValueError("seconds must be numbers that are not negative")
        if self.drop_tokens_every < 0:
            raise ValueError("drop-tokens-every must not be negative")
        for header in self.dashboard_headers:
            if ":" not in header:
                raise ValueError(f"dashboard-header must read `Name: value`, got `{header}`")
        parse_plan(self.rate_limit)
        parse_chaos(self.chaos)

    def dashboard(self) -> dict[str, str]:
        """Give the headers that stream-access wants, names in lower case."""
        pairs = (header.split(":", 1) for header in self.dashboard_headers)
        return {name.strip().lower(): value.strip() for name, value in pairs}
