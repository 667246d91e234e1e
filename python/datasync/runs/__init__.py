"""Runs: of one endpoint, of all endpoints of a configuration, and of records in quarantine."""
