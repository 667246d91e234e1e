"""Commands run in the test's own process: a new one each time would take a second."""

import io
import logging
import sys
from collections.abc import Mapping

import pytest
import structlog

from datasync.cli import main
from tests.support import Database, Run


class Here:
    """Runs commands that end by an exit code alone. Standard output and error are those of the process."""

    def __init__(self, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capture = capture
        self._patch = patch

    def __call__(
        self, dsn: str | Database, *arguments: str, code: int = 0, stdin: str = "", env: Mapping[str, str] = {}
    ) -> Run:
        """Run a command with this database in its environment; it must end with `code`."""
        self._capture.readouterr()
        with self._patch.context() as patch:
            for name in ("API_BASE_URL", "API_KEY"):
                patch.delenv(name, raising=False)
            for name, value in ({"DATABASE_URL": dsn if isinstance(dsn, str) else dsn.dsn} | dict(env)).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            handlers, level = logging.root.handlers[:], logging.root.level
            try:
                main(list(arguments), prog_name="datasync")
            except SystemExit as end:
                ended = end.code or 0
            finally:
                structlog.reset_defaults()
                logging.root.handlers[:] = handlers
                logging.root.setLevel(level)
        out, err = self._capture.readouterr()
        run = Run(int(ended), out, err)
        assert run.code == code, run
        return run
