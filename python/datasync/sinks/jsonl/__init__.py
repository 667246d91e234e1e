"""A file of JSON lines for each table, or stdout."""
