"""What a database must hold after a kill, by the API's own log of what it served."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

from datasync.simulator import Dataset
from datasync.simulator.served import Served
from tests.support import Database

# One statement, one snapshot: the killed run's server process may still be at its last commit.
SNAPSHOT = """
SELECT array(SELECT id FROM ingested_events) AS ids, array(SELECT raw FROM quarantined_events) AS raws,
       pages, served, events_ingested, duplicates, quarantined, dropped, total, complete,
       array(SELECT to_jsonb(p)::text FROM stream_partitions AS p ORDER BY since_ms NULLS FIRST) AS partitions
FROM cursor_state WHERE stream IS NOT NULL
"""


class Verdict(msgspec.Struct):
    """What is wrong after a kill.

    Attributes:
        lost: records that the checkpoint passed and that are nowhere.
        twice: records that are there twice, or counted twice.
        wrong: what else doesn't fit, for people.
        served: records that the checkpoint counts.
        partitions: of the stream by then.
    """

    lost: int = 0
    twice: int = 0
    wrong: list[str] = []
    served: int = 0
    partitions: int = 0


class _Partition(msgspec.Struct):
    since_ms: int | None
    until_ms: int | None
    position: dict[str, str | int] | None
    pages: int
    served: int
    complete: bool


class Judge:
    """Knows the events and what was served of them. An event newer than any that was served is nobody's yet."""

    def __init__(self, dataset: Dataset) -> None:
        self._order = dataset.ids()
        moments = dataset.timestamps(0, dataset.count)
        self._places = list(zip(moments, self._order, strict=True))
        self._ages = [-moment for moment in moments]
        self._given: set[int] = set()
        self._pages = 0

    def see(self, answers: Sequence[Served]) -> None:
        """Take note of answers."""
        for answer in answers:
            if answer.endpoint in ("events", "feed") and answer.status == 200:
                self._pages += 1
                if answer.first is not None:
                    self._given.update(range(answer.first, answer.first + answer.count))

    def look(self, database: Database) -> Verdict:
        """Hold the database against its own checkpoint."""
        row = _snapshot(database)
        if row is None:
            return Verdict()
        kept = _kept(row)
        partitions = [msgspec.json.decode(text, type=_Partition) for text in row["partitions"]]
        owed = {id for partition in partitions for id in self._passed(partition)}
        verdict = self._counts(row, kept, owed)
        if (row["pages"], row["served"]) != (sum(p.pages for p in partitions), sum(p.served for p in partitions)):
            verdict.wrong.append("the partitions' counts are not the stream's")
        if partitions[0].since_ms is not None or partitions[-1].until_ms is not None:
            verdict.wrong.append("the line of time has an end")
        if any(older.until_ms != newer.since_ms or newer.since_ms is None for older, newer in pairwise(partitions)):
            verdict.wrong.append("the line of time has a gap")
        return verdict

    def end(self, database: Database) -> Verdict:
        """Hold the database, of which the end was reached, against all that was served."""
        row = _snapshot(database)
        if row is None:
            return Verdict(lost=len(self._given), wrong=["nothing was stored"])
        kept = _kept(row)
        # The last to begin at the head began highest. What was there then was all to be read.
        owed = set(self._order[min(self._given) :])
        verdict = self._counts(row, kept, owed)
        if len(self._given) != len(owed):
            verdict.wrong.append(f"{len(owed) - len(self._given)} events were never served")
        if not row["complete"] and (row["total"] or 0) <= kept.total():
            verdict.wrong.append("all is there, and the stream isn't complete")
        return verdict

    def _counts(self, row: Any, kept: Counter[str], owed: set[str]) -> Verdict:
        """What must be there, and what the counters say, against what is there."""
        ids, raws = len(row["ids"]), len(row["raws"])
        verdict = Verdict(served=row["served"], partitions=len(row["partitions"]))
        verdict.lost = len(owed - kept.keys())
        more = row["events_ingested"] - ids + row["quarantined"] - raws
        verdict.twice = kept.total() - len(kept) + max(0, more - verdict.lost)
        if unknown := kept.keys() - {self._order[index] for index in self._given}:
            verdict.wrong.append(f"{len(unknown)} records are there that were never served")
        if (row["events_ingested"], row["quarantined"]) != (ids, raws):
            counted = f"{row['events_ingested']} + {row['quarantined']} records are counted"
            verdict.wrong.append(f"{counted}, {ids} + {raws} are there")
        if row["served"] != row["events_ingested"] + row["quarantined"] + row["duplicates"] + row["dropped"]:
            verdict.wrong.append("the counts don't add up to what was served")
        if row["pages"] > self._pages:
            verdict.wrong.append(f"{row['pages']} pages are counted, the API gave {self._pages}")
        return verdict

    def _passed(self, partition: _Partition) -> Sequence[str]:
        """The events that a partition's checkpoint says are stored."""
        start = 0 if partition.until_ms is None else bisect_right(self._ages, -partition.until_ms)
        stop = len(self._order) if partition.since_ms is None else bisect_right(self._ages, -partition.since_ms)
        if not partition.complete:
            if partition.position is None:
                return ()
            reached = int(partition.position["ts"]), str(partition.position["id"])
            first = bisect_right(self._ages, -reached[0] - 1)  # the first event of that moment
            while first < len(self._places) and self._places[first] >= reached:
                first += 1
            stop = min(stop, first)
        return self._order[max(start, min(self._given)) : stop]


def _snapshot(database: Database) -> Any:
    if database.value("SELECT to_regclass('stream_partitions') IS NULL"):
        return None
    found = database.fetch(SNAPSHOT)
    return found[0] if found else None


def _kept(row: Any) -> Counter[str]:
    quarantined = (msgspec.json.decode(raw)["id"] for raw in row["raws"])
    return Counter([*row["ids"], *quarantined])
