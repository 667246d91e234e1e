"""Finds out, within a budget of requests, how an API wants to be read, and writes it down as a `datasync.toml`."""
