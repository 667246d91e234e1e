"""Every environment variable that datasync reads, one documented constant each."""

from typing import Final

DATABASE_URL: Final = "DATABASE_URL"
"""Where the rows go: a PostgreSQL URL, `postgresql://user:password@host:5432/database`. Treated as a secret."""

API_BASE_URL: Final = "API_BASE_URL"
"""The API's root, version path included: `https://api.example.com/api/v1`. Endpoint paths are appended."""

API_KEY: Final = "API_KEY"
"""The key sent as `X-API-Key`. Treated as a secret: it appears in no output."""

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
"""How many chains are read side by side, 1 to 100, where the endpoint takes windows of time."""

TEST_DSN: Final = "DATASYNC_TEST_DSN"
"""Tests only: a PostgreSQL to use instead of the embedded one. Tests create and drop databases of their own there."""

NATIVE_PANIC: Final = "DATASYNC_NATIVE_PANIC"
"""Tests only: points at which the native core is to panic, separated by commas."""
