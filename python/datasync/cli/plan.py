"""`datasync plan`."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from datasync import envvars, loop
from datasync.cli import configured, options
from datasync.cli.command import DONE, SETUP, STOPPED, Command
from datasync.cli.ending import ended, report
from datasync.cli.options import config_option, endpoint_option, env_file_option, plugin_option, transform_option
from datasync.cli.show import visible
from datasync.cli.streams import output
from datasync.config import Settings
from datasync.discovery.plan import plan
from datasync.discovery.planned import Allowance, EndpointPlan
from datasync.plugins import Plugins

option = options.of(envvars.PLAN)


@click.command(
    "plan",
    cls=Command,
    examples={
        "datasync plan": "two requests at most for each endpoint, eight in all",
        "datasync plan --no-requests": "what is known without asking",
        "datasync plan --config datasync.toml --json": "for programs",
    },
    exits=DONE | SETUP | STOPPED,
)
@config_option
@endpoint_option(help="as for `ingest`")
@transform_option(help="as for `ingest`")
@plugin_option(help="as for `ingest`")
@env_file_option
@option("--per-endpoint", type=click.IntRange(1, 2), default=2, show_default=True, help="requests at most for each")
@option("--max-requests", type=click.IntRange(1), default=8, show_default=True, help="requests at most in all")
@option("--no-requests", is_flag=True, help="ask the API nothing")
@option("--json", "as_json", is_flag=True, help="one JSON object on each line")
def plan_(
    config: Path | None,
    endpoint: str | None,
    transforms: tuple[str, ...],
    plugins: tuple[Path, ...],
    env_file: Path | None,
    per_endpoint: int,
    max_requests: int,
    no_requests: bool,
    as_json: bool,
) -> None:
    """Say what `ingest` would do: lanes, paging, limits, requests left and how long they take. Changes nothing."""
    with ended():
        runs = configured.runs(config, env_file, endpoint=endpoint, transforms=transforms)
        _show(runs, plugins, Allowance(per_endpoint, 0 if no_requests else max_requests), as_json=as_json)


def _show(runs: tuple[Settings, ...], plugins: tuple[Path, ...], allowance: Allowance, *, as_json: bool) -> None:
    """Plan each run, one after the other, and print it."""
    configured.find_functions_here()
    loaded = Plugins(plugins)
    with output(None) as out:
        for settings in runs:
            report(settings.mask)
            found = loop.run(plan(settings, loaded, allowance))
            lines = [msgspec.json.encode(found).decode()] if as_json else [visible(line) for line in _lines(found)]
            for line in lines:
                out.write(settings.mask(line).encode() + b"\n")
    click.echo(f"{allowance.used} of {allowance.in_all} requests used", err=True)


def _lines(found: EndpointPlan) -> Iterator[str]:
    yield found.name
    shown = {
        "lane": f"{found.lane} ({found.why})",
        "transforms": ", ".join(found.transforms),
        "partitions": str(found.partitions),
        "paging": f"{found.paging}; the answer shows {', '.join(found.detected)}" if found.detected else found.paging,
        "page size": "" if found.page_size is None else f"{found.page_size} asked for",
        "first page": "" if found.page_records is None else f"{found.page_records} records",
        "limits": "; ".join(_limit(found)),
        "total": "" if found.total is None else f"{found.total:,}",
        "left": "" if found.left is None else f"{found.left:,} records, {found.requests:,} requests",
        "time": "" if found.seconds is None else f"about {found.seconds:,.0f} s, one request after the other",
        "table": _table(found),
        "checkpoint": found.checkpoint + (f" at {found.cursor[:40]}" if found.cursor else ""),
    }
    for subject, text in shown.items():
        if text:
            yield f"  {subject + ':':<13}{text}"
    for warning in found.warnings:
        yield f"  warning: {warning}"


def _limit(found: EndpointPlan) -> Iterator[str]:
    for quota in found.limits:
        if quota.limit is not None:
            span = f" in {found.window:g} s" if found.window and quota.unit == "requests" else ""
            left = "" if quota.remaining is None else f", {quota.remaining:g} left"
            yield f"{quota.limit:g} {quota.unit}{span}{left}"


def _table(found: EndpointPlan) -> str:
    if found.table is None:
        return ""
    if not found.columns:
        return f"{found.table}, to be created"
    return f"{found.table} ({', '.join(f'{name} {kind}' for name, kind in found.columns.items())})"
