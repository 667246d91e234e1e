"""Every environment variable that datasync reads, one documented constant each."""

from typing import Final

DATABASE_URL: Final = "DATABASE_URL"
"""Where the rows go: a PostgreSQL URL, `postgresql://user:password@host:5432/database`. Treated as a secret."""

API_BASE_URL: Final = "API_BASE_URL"
"""The API's root, version path included: `https://api.example.com/api/v1`. Endpoint paths are appended."""

API_KEY: Final = "API_KEY"
"""The key sent as `X-API-Key`. Treated as a secret: it appears in no output."""

CONFIG: Final = "DATASYNC_CONFIG"
"""The configuration to read, instead of a `datasync.toml` in the working directory; see docs/configuration.md."""

RETRY_FOR: Final = "DATASYNC_RETRY_FOR"
"""Seconds for which a failing request is asked again before the run ends; 900 if absent."""

MAX_WAIT: Final = "DATASYNC_MAX_WAIT"
"""Seconds of the longest wait for the rate limit; 900 if absent, `inf` for any. A longer one ends the run."""

SHARED_LIMIT: Final = "DATASYNC_SHARED_LIMIT"
"""`1` draws on one budget with all processes that use the same key and database; see docs/shared-budget.md."""

CONCURRENCY: Final = "DATASYNC_CONCURRENCY"
"""How many requests may be in flight: `adaptive` (the default) or `seed`."""

ENDPOINT: Final = "DATASYNC_ENDPOINT"
"""What is read, by the name of a registered endpoint: `datasync` (the default), `datasync-feed`, or a plugin's."""

ACCESS_HEADERS: Final = "DATASYNC_ACCESS_HEADERS"
"""Headers that the API wants, besides the key, with the request for a token: a JSON object, `{"X-Name": "value"}`. The
values are treated as secrets."""

PARTITIONS: Final = "DATASYNC_PARTITIONS"
"""How many chains are read side by side, 1 to 100, where the endpoint takes windows of time or has a parent."""

ON_CONFLICT: Final = "DATASYNC_ON_CONFLICT"
"""What is done where a key is in the table already: `nothing` (the default), `update`, `update_if_changed`, or
`update_if_newer:COLUMN`; see docs/writing.md."""

DIRECT: Final = "DATASYNC_DIRECT"
"""`0` never lets COPY write into the table itself."""

DURABLE: Final = "DATASYNC_DURABLE"
"""`1` has every commit wait for the server's disk."""

WAIT: Final = "DATASYNC_WAIT"
"""`1` waits for another run of the same stream to end, instead of ending."""

TRANSFORM: Final = "DATASYNC_TRANSFORM"
"""Transforms that change each record, separated by spaces."""

PLUGIN: Final = "DATASYNC_PLUGIN"
"""Files to load plugins from, separated as in PATH."""

ENV_FILE: Final = "DATASYNC_ENV_FILE"
"""A file of variables to read instead of `.env`. Not read from such a file."""

RESTART: Final = "DATASYNC_RESTART"
"""`1` reads from the beginning, at each run."""

FAILPOINTS: Final = "DATASYNC_FAILPOINTS"
"""Tests only: places at which a run is to fail, `name=action[@n],..`; see docs/failpoints.md. Not read from .env."""

MAX_REJECTS: Final = "DATASYNC_MAX_REJECTS"
"""The share of the records read, 0 to 1, that may go to quarantine before a run ends; 0.001 if absent."""

QUARANTINE: Final = "DATASYNC_QUARANTINE_"
"""Begins the variables that say the same as the options of `datasync quarantine`: `DATASYNC_QUARANTINE_STREAM` is
`--stream`, `DATASYNC_QUARANTINE_DRY_RUN=1` is `--dry-run`, and so on."""

INGEST: Final = "DATASYNC_INGEST_"
"""Begins the variable of the option of `datasync ingest` that is no setting: `DATASYNC_INGEST_JSON=1` is `--json`."""

DEMO: Final = "DATASYNC_DEMO_"
"""Begins the variables that say the same as the options of `datasync demo`."""

STATUS: Final = "DATASYNC_STATUS_"
"""Begins the variables that say the same as the options of `datasync status`."""

STATE: Final = "DATASYNC_STATE_"
"""Begins the variables that say the same as the options of `datasync state`."""

CHECK: Final = "DATASYNC_CHECK_"
"""Begins the variables that say the same as the options of `datasync check`."""

INIT: Final = "DATASYNC_INIT_"
"""Begins the variables that say the same as the options of `datasync init`."""

PLAN: Final = "DATASYNC_PLAN_"
"""Begins the variables that say the same as the options that `datasync plan` alone has."""

PLUGINS: Final = "DATASYNC_PLUGINS_"
"""Begins the variable of the option that `datasync plugins` alone has: `DATASYNC_PLUGINS_JSON=1` is `--json`."""

CONFIG_SHOW: Final = "DATASYNC_CONFIG_SHOW_"
"""Begins the variable of the option of `datasync config show`: `DATASYNC_CONFIG_SHOW_JSON=1` is `--json`."""

SIMULATE: Final = "DATASYNC_SIMULATE_"
"""Begins the variables that say the same as the options of `datasync simulate`. Not read from .env."""

MEMORY: Final = "DATASYNC_MEMORY"
"""What pages may take of memory, from their arrival until they are stored: `256MiB` if absent."""

LOAD_PLUGINS: Final = "DATASYNC_LOAD_PLUGINS"
"""Which of the installed plugins are loaded, by name, separated by commas; empty is none, absent is all. Not read from
.env."""

TRACE_PLUGINS: Final = "DATASYNC_TRACE_PLUGINS"
"""`1` logs each call of a plugin's hook, with the plugin's name and what it gave. Not read from .env."""

TEST_DSN: Final = "DATASYNC_TEST_DSN"
"""Tests only: a PostgreSQL to use instead of the embedded one. Tests create and drop databases of their own there."""
