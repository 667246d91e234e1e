"""A disk that is full: the run waits with what it has, and goes on when there is space again."""

from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from tests.running import Running
from tests.small_disk import server_on_small_disk, why_not
from tests.truth import STORING_AGAIN, Feed, ask, judge, rows

pytestmark = pytest.mark.usefixtures("workdir")

PIECES = (500, 50, 5, 1)
"""Rows of a page each, so that at last not one more page fits."""


def fill(dsn: str) -> None:
    """Fill the disk to its end."""
    for piece in PIECES:
        with suppress(asyncpg.DiskFullError):
            while True:
                ask(dsn, f"INSERT INTO ballast SELECT repeat('x', 7000) FROM generate_series(1, {piece})")


@pytest.mark.fault(44)
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_a_full_disk_is_waited_out_and_every_row_is_stored_once(api: Feed, tmp_path: Path) -> None:
    server, disk = server_on_small_disk(tmp_path, mebibytes=12)
    with server:
        ask(server.dsn, f"CREATE TABLESPACE small LOCATION '{disk}'")
        dsn = server.create_database("small")
        ask(dsn, "ALTER DATABASE small SET default_tablespace = small")
        ask(dsn, "CREATE TABLE ballast (filler text)")
        ask(dsn, "ALTER TABLE ballast ALTER filler SET STORAGE EXTERNAL")
        with Running(dsn, api.base_url) as run:
            run.until(lambda: rows(dsn) > 0, "the first rows")
            with api.silent():
                fill(dsn)
            run.until_said(STORING_AGAIN, more_than=1)
            stored = rows(dsn)
            assert stored < api.options.count
            assert all("53100" in line["reason"] for line in run.lines(STORING_AGAIN)), run.stderr
            # Neither part of a batch nor a checkpoint without its rows.
            assert stored == ask(dsn, "SELECT served FROM cursor_state")[0][0]
            ask(dsn, "DROP TABLE ballast")
            judge(run.end(), dsn, api)
