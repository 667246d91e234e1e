"""The hooks a plugin can implement. This file imports nothing of the application.

Registration hooks are called once, at start, and get a `register` callable. Lifecycle hooks are called at most once per
committed batch. No hook is called per record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from datasync.model import Batch, Committed
    from datasync.plugins import Register
    from datasync.stats import RunStats

hookspec = pluggy.HookspecMarker("datasync")
hookimpl = pluggy.HookimplMarker("datasync")


@hookspec
def register_auth(register: Register) -> None:
    """Offer credentials, such as signatures: `register(name, factory)`.

    `factory(wanted, settings)` gets the `datasync.config.spec.PluginAuth` of the configuration and the settings, and
    gives an `httpx.Auth`, which httpx.AsyncClient uses.
    """


@hookspec
def register_endpoints(register: Register, auths: Mapping[str, Callable[..., Any]]) -> None:
    """Offer endpoints: `register(name, factory)`; `factory(settings)` gives a `datasync.endpoints.base.Endpoint`.

    `auths` is what `register_auth` offered, by name. A plugin may leave it out.
    """


@hookspec
def register_transforms(register: Register) -> None:
    """Offer transforms: `register(name, function)`.

    `function(record)` gets a record as a dict (numbers with a fraction are `decimal.Decimal`, so that they stay exact),
    and gives the record to store, or None to leave it out. An exception sends the record to quarantine.
    """


@hookspec
def register_sinks(register: Register) -> None:
    """Offer sinks: `register(name, factory)`; `factory(settings, stream, plan)` gives a `datasync.sinks.base.Sink`."""


@hookspec
def register_executors(register: Register) -> None:
    """Offer executors: `register(name, factory)`; `factory(settings)` gives a `datasync.executors.base.Executor`.

    An executor says when the endpoints of one configuration are read: one after the other, side by side.
    """


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to `datasync`: `cli.command("name")`, or `cli.add_command(command)`.

    Only those of installed plugins are found, and only when a command is asked for that datasync doesn't have.
    """


@hookspec
def run_started(stats: RunStats) -> None:
    """A run begins. `stats` is live: it changes while the run goes on."""


@hookspec
def batch_committed(batch: Batch, committed: Committed, stats: RunStats) -> None:
    """A batch and its checkpoint are in the database."""


@hookspec
def run_finished(stats: RunStats) -> None:
    """A run has ended, one way or another."""
