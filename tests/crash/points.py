"""How a run is brought to each failpoint, to be killed there."""

import random
from collections.abc import Iterator
from typing import Literal

import msgspec

RANDOM = "random"
"""Not a failpoint: killed from outside, whatever it does."""

FEED = 8
"""Partitions of a campaign on the feed; the list is read in one."""


class Way(msgspec.Struct, frozen=True):
    """How a point is reached.

    Attributes:
        passes: it is killed at one of the first so many passes.
        when: only a stream that isn't begun, or one whose last page is next, comes there; all others at any time.
        partitions: only a campaign with so many.
        arguments: further ones of the command.
        signal: only a run that was told to end comes there.
        refused: only a run some of whose rows the table refuses comes there.
    """

    passes: int = 1
    when: Literal["begin", "middle", "end"] = "middle"
    partitions: int | None = None
    arguments: tuple[str, ...] = ()
    signal: bool = False
    refused: bool = False


PAGE, COMMIT = Way(passes=6), Way(passes=3)

WAYS = {
    "cursor_read": Way(),
    "request_sent": PAGE,
    "headers_received": PAGE,
    "mid_body": PAGE,
    "token_refreshed": Way(passes=2, partitions=FEED),
    "decoded": PAGE,
    "enqueued": PAGE,
    "lease_renewed": Way(arguments=("--shared-limit",)),
    "shutdown_drain": Way(signal=True),
    "migration_step": Way(passes=2, when="begin"),
    "copy_begun": COMMIT,
    "mid_copy": COMMIT,
    "copy_done": COMMIT,
    "upsert_done": Way(passes=3, arguments=("--no-direct",)),
    "quarantine_written": Way(),
    "bisect": Way(refused=True),
    "checkpoint_written": COMMIT,
    "final_reconcile": Way(when="end"),
    # At the first pass, so that the table tells whether the COMMIT took place.
    "before_commit": Way(),
    "commit_sent": Way(),
    "after_commit": Way(),
    "native_mid_encode": PAGE,
    "native_mid_inflate": Way(passes=6, partitions=FEED),
    "native_mid_copy_stream": COMMIT,
}

ENTRANCES = frozenset(
    f"native_{name}"
    for name in ("encode", "peek", "split", "extract", "inflate", "sort", "copy_stream", "timestamp", "timestamps")
)
"""Where tests make the native core panic. For a kill the points inside it are the better places."""


class Kill(msgspec.Struct, frozen=True):
    """A kill to come: at the `nth` pass of a point, or at a random moment."""

    point: str
    nth: int

    @property
    def way(self) -> Way:
        """How the point is reached."""
        return WAYS.get(self.point, Way())


def plan(partitions: int, *, each: int, anywhere: int, chance: random.Random) -> list[Kill]:
    """The kills of a campaign, in order: `each` at every point that it reaches, and `anywhere` at random moments."""

    def at(point: str) -> Iterator[Kill]:
        return (Kill(point, chance.randint(1, WAYS[point].passes)) for _ in range(each))

    points = [point for point, way in WAYS.items() if way.partitions in (None, partitions)]
    kills = {when: [k for p in points if WAYS[p].when == when for k in at(p)] for when in ("begin", "middle", "end")}
    middle = kills["middle"] + [Kill(RANDOM, 0)] * anywhere
    chance.shuffle(middle)
    return [*kills["begin"], *middle, *kills["end"]]
