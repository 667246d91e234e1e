"""Requests: a one-method transport, credentials, retries."""
