"""Fixtures of datasync, for tests that want a database or an API."""

pytest_plugins = ["datasync.testing.plugin"]
