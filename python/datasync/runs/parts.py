"""The parts of a run, made from its settings and the plugins that offer them."""

from collections.abc import Sequence
from functools import partial

import msgspec

from datasync import contracts
from datasync.config import Settings
from datasync.config.spec import Parent
from datasync.contracts import made
from datasync.endpoints.base import Endpoint
from datasync.endpoints.children import Children
from datasync.errors import ConfigError
from datasync.model import EncoderPlan
from datasync.pipeline.choice import choose
from datasync.pipeline.lanes import Lane
from datasync.pipeline.line import Part
from datasync.pipeline.perparent import PerParent
from datasync.plugins import DEFAULT_PLUGINS, Plugins, blamed
from datasync.sinks.base import Lookup, Sink
from datasync.sinks.held import Held
from datasync.transforms.chain import Chain, Transform
from datasync.transforms.contract import contract


def endpoint(settings: Settings, plugins: Plugins) -> Endpoint:
    """Of one parent, where it has any."""
    return made(plugins, "endpoint", settings.endpoint, settings)


def of_parents(parent: Parent, values: Sequence[str], settings: Settings, plugins: Plugins) -> Children:
    """All parents' endpoint."""
    return Children(partial(endpoint, settings, plugins), parent, values, base_url=settings.api_base_url)


def within(of: Endpoint, lane: Lane, part: Part) -> tuple[Endpoint, Lane]:
    """The endpoint and the lane for one part of the line."""
    if not isinstance(of, Children):
        return of, lane
    mine = of.within(lambda: part.window)
    return mine, lane.beside(mine.plan_at, mine.named) if isinstance(lane, PerParent) else lane


def lane(of: Endpoint, settings: Settings, plugins: Plugins) -> Lane:
    """What reads its pages."""
    children = settings.spec.table.children if settings.spec else ()
    transforms = chain(settings, plugins, of)

    def chosen(plan: EncoderPlan) -> Lane:
        # Only there nobody sees in which order members come.
        plan = msgspec.structs.replace(plan, jsonb_order=settings.sink == "postgres")
        return choose(plan, transforms, children)

    with blamed(f"the endpoint `{settings.endpoint}`"):  # whose plan the core may refuse
        if isinstance(of, Children) and of.into is not None:
            return PerParent(of.plan_at, of.named, chosen)
        return chosen(of.plan)


def sink(settings: Settings, plugins: Plugins, of: Endpoint) -> Sink:
    """Where its rows go. One of a plugin is held to its contract."""
    made_by, thing = plugins.owner("sink", settings.sink), _sink(settings, plugins, of)
    return thing if made_by in DEFAULT_PLUGINS else Held(thing, f"the sink `{settings.sink}` of `{made_by}`")


def _sink(settings: Settings, plugins: Plugins, of: Endpoint) -> Sink:
    return made(plugins, "sink", settings.sink, settings, of.name, of.plan)


async def parents(table: str, settings: Settings, plugins: Plugins, of: Endpoint) -> Sequence[str]:
    """The values of the parent's column in its `table`, in order.

    Raises:
        ConfigError: the sink can't be asked.
        SinkError: it can't answer.
    """
    assert settings.spec is not None
    assert settings.spec.parent is not None
    asked = _sink(settings, plugins, of)
    if not isinstance(asked, Lookup):
        raise ConfigError(
            f"`{settings.spec.name}` is read for each row of `{table}`, and the sink `{settings.sink}` can't be asked",
            hint="parents need a sink that can be read, such as postgres",
        )
    return await asked.distinct(table, settings.spec.parent.column)


def chain(settings: Settings, plugins: Plugins, of: Endpoint) -> Chain | None:
    """The transforms, the table's contract before them; None without any."""
    transforms: list[tuple[str, Transform]] = []
    mode = settings.spec.table.contract if settings.spec else "evolve"
    if mode != "evolve":
        transforms.append(("contract", contract(of.plan.columns, mode)))
    transforms += [(name, contracts.transform(plugins, name)) for name in settings.transforms]
    return Chain(transforms, mask=settings.mask) if transforms else None
