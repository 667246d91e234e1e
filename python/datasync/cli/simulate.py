"""The command `simulate`: serves the simulated DataSync API until it is interrupted."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import click
from click.core import ParameterSource

from datasync import envvars
from datasync.cli import options
from datasync.cli.command import Command
from datasync.simulator.chaos import RECORD_KINDS, REQUEST_KINDS
from datasync.simulator.dataset import Crowd
from datasync.simulator.options import FeedBounds, FeedTotal, Prerender, SimulatorOptions, TimestampForm

option = options.of(envvars.SIMULATE)

_DEFAULTS = SimulatorOptions()
_OF_A_ZOO = {"host", "port", "seed", "count", "exit_with_stdin", "ready_file"}

_EPILOG = (
    f"\b\nkinds of damage to answers, drawn anew for each request:\n  {', '.join(list(REQUEST_KINDS)[:9])},\n"
    f"  {', '.join(list(REQUEST_KINDS)[9:])}\n"
    f"kinds of damage to records, the same each time a record is served:\n  {', '.join(RECORD_KINDS)}"
)


def _choice(form: Any) -> click.Choice[str]:
    return click.Choice([str(value) for value in get_args(form)])


@click.command(
    cls=Command,
    epilog=_EPILOG,
    context_settings={"show_default": True},
    examples={
        "datasync simulate": "100,000 events, 10 requests a minute",
        "datasync simulate --port 0 --count 1000 --rate-limit none": "a small one without a limit, on a free port",
        "datasync simulate --chaos 500=0.01,reset=0.01 --chaos-seed 7": "with damage, the same each time",
        "datasync simulate --zoo": "many shapes of API, and a list of them",
    },
    exits={
        0: "stopped by Ctrl-C, or standard input closed with --exit-with-stdin",
        1: "can't listen there",
        2: "an option can't be followed, or the extra is missing",
        143: "stopped by SIGTERM",
    },
)
@option("--host", default=_DEFAULTS.host, help="address to listen on")
@option("--port", default=8080, type=click.IntRange(0, 65_535), help="TCP port, 0 takes a free one")
@option("--count", default=_DEFAULTS.count, type=click.IntRange(0), help="number of events")
@option(
    "--late", default=_DEFAULTS.late, type=click.IntRange(0), metavar="N", help="the newest N appear only while it runs"
)
@option(
    "--late-per-second", default=_DEFAULTS.late_per_second, metavar="N", help="how many of those appear each second"
)
@option(
    "--late-counted/--late-left-out",
    default=_DEFAULTS.late_counted,
    help="whether the declared total counts those that have appeared",
)
@option("--seed", default=_DEFAULTS.seed, help="decides the events")
@option(
    "--crowd", default=_DEFAULTS.crowd, type=_choice(Crowd), help="where in time 90 % of the events lie in 5 % of it"
)
@option("--api-key", default=_DEFAULTS.api_key, help="key that the API wants")
@option("--page-cap", default=_DEFAULTS.page_cap, type=click.IntRange(1), help="records per page at most")
@option("--timestamps", default=_DEFAULTS.timestamps, type=_choice(TimestampForm), help="form on the list")
@option(
    "--rate-limit",
    default=_DEFAULTS.rate_limit,
    metavar="N/SECONDS[:KIND]",
    help="limit of the list, the other endpoints in proportion; KIND is sliding, anchored, aligned, counter or bucket; "
    "`none` is unlimited",
)
@option("--count-refused", is_flag=True, help="let refused requests use up the limit too")
@option("--cursor-ttl", default=_DEFAULTS.cursor_ttl, metavar="SECONDS", help="life of a cursor")
@option("--expired-status", default="400", type=click.Choice(["400", "502"]), help="answer to an expired cursor")
@option("--latency", default=_DEFAULTS.latency, metavar="SECONDS", help="wait before every answer")
@option("--gzip", is_flag=True, help="compress answers for whoever takes gzip")
@option(
    "--chaos",
    default=_DEFAULTS.chaos,
    metavar="KIND=PROBABILITY[:MOST],..",
    help="damage on purpose, e.g. `500=0.01,reset=0.01:20,missing_id=0.001`",
)
@option("--chaos-seed", type=int, help="decides the damage  [default: as --seed]")
@option("--slow-seconds", default=_DEFAULTS.slow_seconds, metavar="SECONDS", help="time that a slow answer takes")
@option(
    "--dashboard-header",
    "dashboard_headers",
    multiple=True,
    default=_DEFAULTS.dashboard_headers,
    metavar="'NAME: VALUE'",
    help="header that stream access wants besides the key, repeatable",
)
@option("--token-ttl", default=_DEFAULTS.token_ttl, metavar="SECONDS", help="life of a stream token")
@option(
    "--drop-tokens-every",
    default=_DEFAULTS.drop_tokens_every,
    type=click.IntRange(0),
    metavar="N",
    help="end all stream tokens before every N-th request of the feed, 0 is never",
)
@option(
    "--feed-bounds",
    default=_DEFAULTS.feed_bounds,
    type=_choice(FeedBounds),
    help="whether the feed's since and until are part of the window; half-open has since only",
)
@option("--feed-total", default=_DEFAULTS.feed_total, type=_choice(FeedTotal), help="what the feed's total counts")
@option(
    "--prerender",
    default=_DEFAULTS.prerender,
    type=_choice(Prerender),
    help="pages of `page-cap` records rendered before the first request",
)
@option(
    "--page-cache-mb",
    default=_DEFAULTS.page_cache_mb,
    type=click.IntRange(0),
    metavar="MIB",
    help="rendered pages kept",
)
@option(
    "--zoo",
    is_flag=True,
    help="serve many shapes of API instead, and list them; goes with address, seed, count and what follows",
)
@option("--exit-with-stdin", is_flag=True, help="end when standard input closes")
@option("--ready-file", metavar="PATH", help="file to write the base URL into once requests are answered")
@click.pass_context
def simulate(context: click.Context, /, *, expired_status: str, zoo: bool, **chosen: Any) -> None:
    """Serve the simulated DataSync API on loopback.

    The line `listening on URL` on standard output tells the base URL once requests are answered.
    """
    try:
        from datasync.simulator.server import serve  # noqa: PLC0415  # its libraries come with an extra only
        from datasync.simulator.zoo.guide import guide  # noqa: PLC0415
        from datasync.simulator.zoo.options import ZooOptions  # noqa: PLC0415
        from datasync.simulator.zoo.server import serve_zoo  # noqa: PLC0415
    except ModuleNotFoundError as error:
        hint = "pip install 'datasync[demo]'"
        raise click.UsageError(f"`simulate` needs `{error.name}`\n\nhint: {hint}") from error  # exit 2
    try:
        if zoo:
            cages = ZooOptions(**_given(context))
            run = partial(serve_zoo, cages, lambda url: click.echo(guide(cages, url)))
        else:
            run = partial(serve, SimulatorOptions(expired_status=502 if expired_status == "502" else 400, **chosen))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        run()
    except OSError as error:
        raise click.ClickException(f"cannot listen on {chosen['host']}:{chosen['port']}: {error.strerror}") from error


def _given(context: click.Context) -> dict[str, Any]:
    """Give the values that a zoo takes; of the others none may be asked for with it."""
    asked = {name for name in context.params if context.get_parameter_source(name) is not ParameterSource.DEFAULT}
    strange = sorted(f"--{name.replace('_', '-')}" for name in asked - _OF_A_ZOO - {"zoo"})
    if strange:
        raise click.UsageError(f"a zoo knows no {', '.join(strange)}")
    # A zoo has a number of items of its own unless told.
    return {name: context.params[name] for name in _OF_A_ZOO if name in asked or name not in {"count", "seed"}}
