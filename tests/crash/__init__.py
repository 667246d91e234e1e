"""Runs that are killed at every failpoint and at random moments, and judged by what the API served."""
