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

ENDPOINT: Final = "DATASYNC_ENDPOINT"
"""What is read, by the name of a registered endpoint: `datasync` (the default), `datasync-feed`, or a plugin's."""

ACCESS_HEADERS: Final = "DATASYNC_ACCESS_HEADERS"
"""Headers that the API wants, besides the key, with the request for a token: a JSON object, `{"X-Name": "value"}`. The
values are treated as secrets."""

TEST_DSN: Final = "DATASYNC_TEST_DSN"
"""Tests only: a PostgreSQL to use instead of the embedded one. Tests create and drop databases of their own there."""
