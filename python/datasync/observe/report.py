"""The last word of a run."""

import structlog

from datasync.model import RunStats


def report(message: str, stats: RunStats, seconds: float) -> None:
    """Log `message` with the run's figures. A wrapper script looks for "ingestion complete" here."""
    records = stats.rows + stats.duplicates + stats.quarantined + stats.dropped
    log = structlog.get_logger()
    if stats.quarantined:
        log.warning(
            "some records were quarantined",
            quarantined=stats.quarantined,
            hint="SELECT code, detail, raw FROM quarantined_events",
        )
    log.info(
        message,
        rows=stats.rows,
        duplicates=stats.duplicates,
        quarantined=stats.quarantined,
        dropped=stats.dropped,
        seconds=round(seconds, 3),
        events_per_second=round(records / seconds) if seconds else 0,
        pages=stats.pages,
        bytes=stats.bytes,
        refused=stats.refused,
        retries=stats.retries,
        seconds_throttled=round(stats.waited, 3),
        reseeks=stats.reseeks,
        splits=stats.splits,
        served=stats.served,
        total=stats.total,
        timestamps=stats.timestamps,
    )
