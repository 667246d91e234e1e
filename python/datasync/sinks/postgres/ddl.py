"""The tables, as forward-only migrations. Tables and columns of the seed keep their names."""

from datasync.postgres import migrate as migrations
from datasync.postgres.connection import Connection

# COLLATE "C": keys are compared by bytes, which is what they are; a third faster to index than a language's order.
# Those that are there already may be in any schema of the search path, where IF NOT EXISTS doesn't look.
_SEED_TABLES = """
DO $$ BEGIN
IF to_regclass('ingested_events') IS NULL THEN
    CREATE TABLE ingested_events (
        id          TEXT COLLATE "C" PRIMARY KEY,
        event_type  TEXT,
        "timestamp" TIMESTAMPTZ,
        data        JSONB NOT NULL,
        ingested_at TIMESTAMPTZ DEFAULT now()
    );
END IF;
IF to_regclass('staging_events') IS NULL THEN
    CREATE UNLOGGED TABLE staging_events (
        id          TEXT COLLATE "C",
        event_type  TEXT,
        "timestamp" TIMESTAMPTZ,
        data        JSONB NOT NULL
    ) WITH (autovacuum_enabled = off);
END IF;
IF to_regclass('cursor_state') IS NULL THEN
    CREATE TABLE cursor_state (
        id              SERIAL PRIMARY KEY,
        cursor_value    TEXT NOT NULL,
        events_ingested BIGINT NOT NULL DEFAULT 0,
        updated_at      TIMESTAMPTZ DEFAULT now()
    );
END IF;
END $$;
"""

# One row per stream. A row that another program left has no stream and is not ours to continue.
_CHECKPOINT_COLUMNS = """
ALTER TABLE cursor_state
    ADD COLUMN IF NOT EXISTS stream      TEXT UNIQUE,
    ADD COLUMN IF NOT EXISTS epoch       BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS position    JSONB,
    ADD COLUMN IF NOT EXISTS pages       BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS served      BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS duplicates  BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS quarantined BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS dropped     BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS total       BIGINT,
    ADD COLUMN IF NOT EXISTS source      TEXT,
    ADD COLUMN IF NOT EXISTS complete    BOOLEAN NOT NULL DEFAULT false;
"""

# A record that comes again for the same reason is the same reject: the digest tells.
_QUARANTINE = """
CREATE TABLE IF NOT EXISTS quarantined_events (
    id             BIGSERIAL PRIMARY KEY,
    stream         TEXT NOT NULL,
    page_cursor    TEXT,
    record_index   INTEGER NOT NULL,
    byte_offset    BIGINT NOT NULL,
    code           TEXT NOT NULL,
    detail         TEXT NOT NULL,
    raw            BYTEA NOT NULL,
    digest         BYTEA GENERATED ALWAYS AS (sha256(raw)) STORED,
    quarantined_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (stream, code, digest)
);
"""

# One row per partition: its window (half-open, epoch ms; NULL is without end), and where to go on in it. Streams that
# were begun before are one partition. `cursor_state.cursor_value` is for people from here on.
_PARTITIONS = """
CREATE TABLE stream_partitions (
    stream       TEXT NOT NULL REFERENCES cursor_state (stream) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    since_ms     BIGINT,
    until_ms     BIGINT,
    cursor_value TEXT,
    position     JSONB,
    pages        BIGINT NOT NULL DEFAULT 0,
    served       BIGINT NOT NULL DEFAULT 0,
    complete     BOOLEAN NOT NULL DEFAULT false,
    PRIMARY KEY (stream, number),
    CHECK (since_ms < until_ms)
);
INSERT INTO stream_partitions (stream, number, cursor_value, position, pages, served, complete)
SELECT stream, 0, nullif(cursor_value, ''), position, pages, served, complete
FROM cursor_state WHERE stream IS NOT NULL;
ALTER TABLE cursor_state DROP COLUMN position;
"""

# Until here a record that came to quarantine once more counted nowhere, and the counters must make up what was served.
# The number of the last batch tells whether one is in whose COMMIT got no answer.
_BATCHES = """
ALTER TABLE cursor_state
    ADD COLUMN batch     BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN updated   BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN unchanged BIGINT NOT NULL DEFAULT 0;
UPDATE cursor_state SET duplicates = served - events_ingested - quarantined - dropped
WHERE stream IS NOT NULL AND served > events_ingested + duplicates + quarantined + dropped;
"""

# A stream's rows go to a table of any name; NULL is `ingested_events`. `served_before` is what was served until the
# round began, where the API's total is of what is newer alone; NULL: its total is of everything.
_ROUNDS = """
ALTER TABLE cursor_state ADD COLUMN table_name TEXT, ADD COLUMN served_before BIGINT;
ALTER TABLE stream_partitions ADD COLUMN since_us BIGINT, ADD COLUMN newest_us BIGINT;
"""

# Of an endpoint with a parent the window is of the parent's values.
_VALUES = """
ALTER TABLE stream_partitions ADD COLUMN since_value TEXT COLLATE "C", ADD COLUMN until_value TEXT COLLATE "C",
    ADD CHECK (since_value < until_value);
"""

# Which batch brought a record to quarantine last, and which was the first one since the stream is read as a whole: what
# didn't come since is no part of what the API has now.
_SEEN = """
ALTER TABLE quarantined_events ADD COLUMN seen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cursor_state ADD COLUMN first_batch BIGINT NOT NULL DEFAULT 0;
"""

# How the stream is read, as far as its cursors depend on it; see `sinks/reading.py`. What isn't there is not known.
_READING = """
ALTER TABLE cursor_state ADD COLUMN reading JSONB NOT NULL DEFAULT '{}';
"""

PARTITIONS_SINCE = 2
"""The version that keeps partitions."""

COUNTS_SINCE = 3
"""The version whose counters make up what was served."""

SEEN_SINCE = 6
"""The version that knows when a record came to quarantine last."""

HISTORY = migrations.History(
    "datasync_schema",
    (_SEED_TABLES + _CHECKPOINT_COLUMNS + _QUARANTINE, _PARTITIONS, _BATCHES, _ROUNDS, _VALUES, _SEEN, _READING),
)


async def installed_version(connection: Connection) -> int:
    """See migrations."""
    return await migrations.installed_version(connection, HISTORY)


async def migrate(connection: Connection) -> None:
    """See migrations."""
    await migrations.migrate(connection, HISTORY)
