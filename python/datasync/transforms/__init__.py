"""Changing records between the API and the table."""
