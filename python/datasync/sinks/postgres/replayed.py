"""Moves records from quarantine into the table, in transactions that keep the stream's counters true."""

from collections.abc import Mapping, Sequence

import msgspec

from datasync.model import Column
from datasync.postgres.connection import Connection
from datasync.sinks.postgres import replayed_rows
from datasync.sinks.postgres.replayed_rows import Passed, Place

# A record that is in quarantine for the new reason, too, needs no second place there.
_RENAME = """
UPDATE quarantined_events AS q SET code = $2, detail = $3 WHERE id = $1 AND NOT EXISTS (
    SELECT FROM quarantined_events AS o WHERE o.stream = q.stream AND o.code = $2 AND o.digest = q.digest AND o.id <> $1
)
"""


class Verdicts(msgspec.Struct, frozen=True):
    """What became of records out of quarantine, by their ids.

    Attributes:
        rows: those that pass.
        dropped: those that a transform leaves out.
        refused: code and detail of those that still fail.
    """

    rows: Mapping[int, Passed]
    dropped: Sequence[int]
    refused: Mapping[int, tuple[str, str]]

    @property
    def ids(self) -> list[int]:
        """All of them."""
        return [*self.rows, *self.dropped, *self.refused]


class Replayed(msgspec.Struct):
    """What a replay did, in records.

    Attributes:
        chosen: looked at, and still in quarantine then.
        stored: new in the table.
        duplicates: passed, and the table has their key.
        dropped: left out by a transform.
        merged: fail with the reason of another one that is the same.
        refused: still in quarantine, by code.
        changed: of the refused those that have another reason now.
    """

    chosen: int = 0
    stored: int = 0
    duplicates: int = 0
    dropped: int = 0
    merged: int = 0
    refused: dict[str, int] = {}
    changed: int = 0

    def add(self, other: "Replayed") -> None:
        """Count what `other` did, too."""
        self.chosen += other.chosen
        self.stored += other.stored
        self.duplicates += other.duplicates
        self.dropped += other.dropped
        self.merged += other.merged
        self.changed += other.changed
        for code, count in other.refused.items():
            self.refused[code] = self.refused.get(code, 0) + count


async def settle(
    connection: Connection, stream: str, into: Place, columns: Sequence[Column], verdicts: Verdicts
) -> Replayed:
    """Store what passes, take it out of quarantine, and count both. Belongs into a transaction.

    The caller holds the stream's lock. Records that are no longer in quarantine are left alone.
    """
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else the COMMIT would be refused, and no record named
    found = await connection.fetch(
        "SELECT id, code, detail FROM quarantined_events WHERE stream = $1 AND id = ANY($2::bigint[])"
        " ORDER BY id FOR UPDATE",
        stream,
        verdicts.ids,
    )
    there = {row["id"]: (row["code"], row["detail"]) for row in found}
    rows = {id: row for id, row in verdicts.rows.items() if id in there}
    done = Replayed(chosen=len(there), dropped=sum(id in there for id in verdicts.dropped))
    done.stored, refused = await replayed_rows.insert(connection, into, columns, rows)
    done.duplicates = len(rows) - len(refused) - done.stored
    gone = [id for id in [*rows, *verdicts.dropped] if id not in refused]
    await connection.execute("DELETE FROM quarantined_events WHERE id = ANY($1::bigint[])", gone)
    for id, (code, detail) in [*verdicts.refused.items(), *refused.items()]:
        if id not in there:
            continue
        if there[id] != (code, detail) and not await _rename(connection, id, code, detail):
            done.merged += 1
            continue
        done.changed += there[id][0] != code
        done.refused[code] = done.refused.get(code, 0) + 1
    await _count(connection, stream, done)
    return done


# Two that become one came last when the later one did.
_SEEN = """
UPDATE quarantined_events AS o SET seen = greatest(o.seen, q.seen) FROM quarantined_events AS q
WHERE q.id = $1 AND o.stream = q.stream AND o.code = $2 AND o.digest = q.digest
"""


async def _rename(connection: Connection, id: int, code: str, detail: str) -> bool:
    """Give a record in quarantine another reason; False when it was deleted, because it is there for that one, too."""
    # A text column can't hold NUL, and an exception's message might have one.
    text = detail.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    if await connection.execute(_RENAME, id, code, text) == "UPDATE 1":
        return True
    await connection.execute(_SEEN, id, code)
    await connection.execute("DELETE FROM quarantined_events WHERE id = $1", id)
    return False


async def _count(connection: Connection, stream: str, done: Replayed) -> None:
    """Count each record that left quarantine as what it is now.

    One from before the stream was last restarted counts as seen before there, or not at all if it didn't come since.
    """
    state = await connection.fetchrow(
        "SELECT quarantined, duplicates FROM cursor_state WHERE stream = $1 FOR UPDATE", stream
    )
    if state is None:
        return
    counted, seen = state["quarantined"], state["duplicates"]
    moved = []
    for count in (done.stored, done.dropped):
        out = min(count, counted)
        again = min(count - out, seen)
        counted -= out
        seen -= again
        moved.append(out + again)
    repeats = min(done.duplicates + done.merged, counted)
    await connection.execute(
        "UPDATE cursor_state SET quarantined = $2, duplicates = $3, events_ingested = events_ingested + $4,"
        " dropped = dropped + $5, updated_at = now() WHERE stream = $1",
        stream,
        counted - repeats,
        seen + repeats,
        *moved,
    )
