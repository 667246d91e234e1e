"""Commands that look into the database, which need no more than its URL."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from datasync import loop
from datasync.cli import configured
from datasync.cli.ending import ended, report
from datasync.config import Masker
from datasync.errors import EXIT_SETUP, DatasyncError
from datasync.postgres.connection import Connection
from datasync.sinks.postgres.quarantined import connected


def read(
    env_file: Path | None, use: Callable[[Connection, Masker], Coroutine[Any, Any, None]], *, plain: bool = True
) -> None:
    """Let `use` look into the database, and end the process if it fails; see `ended` for `plain`."""

    async def main(mask: Masker) -> None:
        try:
            async with connected(database) as connection:
                await use(connection, mask)
        except DatasyncError as error:
            error.exit_code = EXIT_SETUP  # there is nothing that another run would go on with
            raise

    with ended(plain=plain):
        database, mask = configured.database(None, env_file)
        report(mask, plain=plain)
        loop.run(main(mask))
