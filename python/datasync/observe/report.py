"""The last word of a run."""

from typing import Final

import structlog

from datasync.observe.forecast import finish
from datasync.stats import FATES, RunStats

COMPLETE: Final = "ingestion complete"
"""A wrapper script looks for it."""

INTERRUPTED: Final = "ingestion interrupted"

PAUSED: Final = "ingestion paused"


def report(message: str, stats: RunStats, seconds: float) -> None:
    """Log `message` with the run's figures; one that isn't complete says when it would be, if it went on."""
    log = structlog.get_logger()
    if stats.quarantined:
        log.warning(
            "some records were quarantined",
            quarantined=stats.quarantined,
            hint="datasync quarantine list --summary",
        )
    log.info(message, **figures(stats, seconds, complete=message == COMPLETE))


def figures(stats: RunStats, seconds: float, *, complete: bool) -> dict[str, object]:
    """Give what a run has done in so many seconds."""
    return {
        **{name: getattr(stats, name) for name in FATES},
        "seconds": round(seconds, 3),
        "events_per_second": round(stats.explained / seconds) if seconds else 0,
        "pages": stats.pages,
        "bytes": stats.bytes,
        "refused": stats.refused,
        "retries": stats.retries,
        "seconds_throttled": round(stats.waited, 3),
        "utilisation": None if stats.utilisation is None else round(stats.utilisation, 4),
        "predicted_finish": None if complete else finish(stats, seconds),
        "reseeks": stats.reseeks,
        "splits": stats.splits,
        "served": stats.served,
        "total": stats.total,
        "timestamps": stats.timestamps,
    }
