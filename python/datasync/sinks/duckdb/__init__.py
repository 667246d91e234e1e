"""A DuckDB database: rows, quarantine and checkpoint in one transaction."""
