"""How a stream's state is said in words."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from datasync.sinks.postgres.streams import Stream

COLUMNS: Final[Mapping[str, str]] = {
    "stream": "STREAM",
    "table": "TABLE",
    "state": "STATE",
    "rows": "ROWS",
    "served": "SERVED",
    "quarantined": "QUARANTINED",
    "duplicates": "DUPLICATES",
    "dropped": "DROPPED",
    "partitions": "PARTITIONS",
    "age": "UPDATED",
    "epoch": "EPOCH",
}
NUMBERS: Final = frozenset({"rows", "served", "quarantined", "duplicates", "dropped", "epoch"})


def cells(stream: Stream) -> dict[str, str | int]:
    """Give what stands in each column."""
    return {
        "stream": stream.stream,
        "table": stream.table,
        "state": state(stream),
        "rows": stream.rows,
        "served": stream.served,
        "quarantined": stream.quarantined,
        "duplicates": stream.duplicates,
        "dropped": stream.dropped,
        "partitions": f"{stream.partitions_complete} of {stream.partitions}",
        "age": ago(stream.age),
        "epoch": stream.epoch,
    }


def state(stream: Stream) -> str:
    """Whether it is complete, how much of it is there, and whether a run goes on."""
    if stream.complete:
        text = "complete"
    elif stream.percent is None:
        text = "part"
    else:
        text = f"part, {stream.percent:.1f} %"
    return f"{text}, running" if stream.running else text


def ago(seconds: float | None) -> str:
    """A time before now in its largest unit."""
    if seconds is None:
        return ""
    since = timedelta(seconds=max(0.0, seconds))
    for unit, name in ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min")):
        if since >= 2 * unit:
            return f"{since // unit} {name} ago"
    return f"{since // timedelta(seconds=1)} s ago"


def line(stream: Stream) -> str:
    """Everything in a line."""
    return (
        f"{stream.stream}: {state(stream)}, {stream.rows:,} rows, {stream.served:,} served,"
        f" {stream.quarantined:,} quarantined, {stream.duplicates:,} duplicates, {stream.dropped:,} dropped,"
        f" {stream.partitions_complete} of {stream.partitions} partitions, epoch {stream.epoch}"
    )
