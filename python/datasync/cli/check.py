"""`datasync check`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from datasync import contracts, envvars, loop
from datasync.cli import check_api, check_database, check_files, check_machine, configured, options
from datasync.cli.check_finding import Finding, failed, ok
from datasync.cli.command import STOPPED, Command
from datasync.cli.ending import ended, report
from datasync.cli.options import config_option, endpoint_option, env_file_option, plugin_option
from datasync.cli.show import json_line, visible
from datasync.cli.streams import output
from datasync.config import Masker, Secret, Settings
from datasync.errors import EXIT_SETUP, ConfigError, DatasyncError, PluginError
from datasync.plugins import Plugins
from datasync.runs import parts
from datasync.sinks.postgres.target import Target

option = options.of(envvars.CHECK)

_WIDTH: Final = max(map(len, ("failed", "warning")))


@click.command(
    cls=Command,
    examples={
        "datasync check": "look at everything; one request to the API",
        "datasync check --no-api": "without it",
        "datasync check --json": "one JSON object on each line",
    },
    exits={0: "a run can start, whatever the warnings", 2: "something failed"} | STOPPED,
)
@option("--no-api", is_flag=True, help="don't ask the API")
@config_option
@endpoint_option(help="as for `ingest`")
@plugin_option(help="as for `ingest`")
@option("--json", "as_json", is_flag=True, help="one JSON object on each line")
@env_file_option
def check(
    no_api: bool,
    config: Path | None,
    endpoint: str | None,
    plugins: tuple[Path, ...],
    as_json: bool,
    env_file: Path | None,
) -> None:
    """Look for what could keep a run from starting: this machine, the settings, the database and the API.

    Changes nothing. The API is asked once, for the first page with one record where the endpoint can ask for so few;
    that counts against its limit, but not in a shared budget. An endpoint that needs a token asks for one, too.
    """
    checking = _Checking(as_json=as_json)
    with ended():
        for finding in check_machine.findings():
            checking.found(finding)
        runs, database = _settings(config, endpoint, env_file, checking)
        offered = _plugins(plugins, checking)
        loop.run(_look(runs, database, offered, checking, api=not no_api))
    if checking.failed:
        sys.exit(EXIT_SETUP)


class _Checking:
    """Writes each finding at once."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.mask = Masker()
        self.failed = False

    def found(self, finding: Finding) -> None:
        self.failed |= finding.result == "failed"
        finding = finding.masked(self.mask)
        if self._as_json:
            lines = [json_line(msgspec.structs.asdict(finding))]
        else:
            lines = [f"{finding.result:<{_WIDTH}}  {finding.check}: {visible(finding.text)}"]
            lines += [f"{'':<{_WIDTH}}  hint: {visible(finding.hint)}"] if finding.hint else []
        with output(None) as out:
            out.writelines(line.encode() + b"\n" for line in lines)


def _settings(
    config: Path | None, endpoint: str | None, env_file: Path | None, checking: _Checking
) -> tuple[Sequence[Settings], Secret | None]:
    """The settings, and the database's URL alone where they can't be read."""
    try:
        runs = configured.runs(config, env_file, endpoint=endpoint)
    except ConfigError as error:
        checking.found(failed("configuration", error))
    else:
        _mask(runs[0].mask, checking)
        names = ", ".join(run.spec.name if run.spec else run.endpoint for run in runs)
        checking.found(ok("configuration", f"{names} of {runs[0].api_base_url}"))
        url = runs[0].database_url
        return runs, url if url.reveal() else None
    try:
        database, mask = configured.database(config, env_file)
    except ConfigError:
        return (), None  # it was said
    _mask(mask, checking)
    return (), database


def _mask(mask: Masker, checking: _Checking) -> None:
    checking.mask = mask
    report(mask)


def _plugins(files: tuple[Path, ...], checking: _Checking) -> Plugins | None:
    configured.find_functions_here()
    try:
        plugins = Plugins(files)
    except PluginError as error:
        checking.found(failed("plugins", error, hint="fix the plugin, or leave it out"))
        return None
    checking.found(ok("plugins", f"endpoints {', '.join(sorted(plugins.endpoints))}"))
    return plugins


async def _look(
    runs: Sequence[Settings], database: Secret | None, plugins: Plugins | None, checking: _Checking, *, api: bool
) -> None:
    if database is not None:
        targets = _targets(runs, plugins, checking) if plugins is not None else []
        await check_database.look(database, targets, checking.found)
    if plugins is not None:
        _named(runs, plugins, checking)
        for settings in runs:
            await check_files.look(settings, plugins, checking.found)
    for settings in runs:
        if api and plugins is not None and not (settings.spec and settings.spec.parent):
            await check_api.look(settings, plugins, checking.found)


def _named(runs: Sequence[Settings], plugins: Plugins, checking: _Checking) -> None:
    """Look for what plugins or modules must offer: the executor and the transforms."""
    for name in dict.fromkeys(name for settings in runs for name in settings.transforms):
        try:
            contracts.transform(plugins, name)
        except DatasyncError as error:
            checking.found(failed("transforms", error, hint="name one that is there, or leave it out"))
    try:
        for settings in runs[:1]:  # they have one
            contracts.made(plugins, "executor", settings.executor, settings)
    except DatasyncError as error:
        checking.found(failed("executor", error, hint="leave `executor` out, or load the plugin that offers it"))


def _targets(runs: Sequence[Settings], plugins: Plugins, checking: _Checking) -> Sequence[Target]:
    """The tables that rows would go to."""
    targets = []
    for settings in runs:
        try:
            endpoint = parts.endpoint(settings, plugins)
            if settings.spec and settings.spec.parent:
                endpoint = parts.of_parents(settings.spec.parent, (), settings, plugins)
            targets.append(Target(endpoint.plan.columns, settings.write.on_conflict, settings.table))
        except DatasyncError as error:
            checking.found(failed("endpoint", error, hint="a run would end with this, too"))
    return targets
