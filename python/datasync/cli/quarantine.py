"""`datasync quarantine`: what is in quarantine, and how it gets out. Each command has a file of its own."""

import click

from datasync import envvars
from datasync.cli.quarantine_export import export
from datasync.cli.quarantine_list import list_
from datasync.cli.quarantine_replay import replay
from datasync.cli.quarantine_show import show

EPILOG = f"""
\b
Environment (or .env):
  {envvars.DATABASE_URL}   postgresql://user:password@host:5432/database
  {envvars.QUARANTINE}...   like the option of that name, {envvars.QUARANTINE}DRY_RUN=1 like --dry-run

\b
Exit codes: 0 done, and all chosen records passed; 1 some still can't be stored; 2 could not run.
"""


@click.group(epilog=EPILOG)
def quarantine() -> None:
    """Look at the records that couldn't be stored, take them along, and try them again."""


for command in (list_, show, export, replay):
    quarantine.add_command(command)
