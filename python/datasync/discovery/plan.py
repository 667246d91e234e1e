"""What a run would do, told from the settings, the database and a request or two. It changes nothing."""

import math
import time
from collections.abc import Callable

from datasync.config import Settings
from datasync.config.spec import PostgresTo
from datasync.discovery import pace
from datasync.discovery.planned import Allowance, Asked, EndpointPlan
from datasync.discovery.preview import preview
from datasync.discovery.prober import Enough
from datasync.discovery.standing import Standing, look
from datasync.endpoints.base import Endpoint, Resizable, Windowed
from datasync.errors import DatasyncError
from datasync.observe.forecast import seconds_left
from datasync.plugins import Plugins
from datasync.runs import parts
from datasync.stats import RunStats


async def plan(
    settings: Settings, plugins: Plugins, allowance: Allowance, *, clock: Callable[[], float] = time.monotonic
) -> EndpointPlan:
    """Say what a run with these settings would do. What can't be asked becomes a warning.

    Raises:
        PluginError, ConfigError: the run could not begin.
    """
    endpoint = parts.endpoint(settings, plugins)
    lane = parts.lane(endpoint, settings, plugins)
    found = EndpointPlan(
        endpoint.name,
        lane.name,
        _why(settings, endpoint),
        settings.transforms,
        _partitions(settings, endpoint),
        _configured(settings, endpoint),
        page_size=endpoint.page_limit if isinstance(endpoint, Resizable) else _size(settings),
    )
    standing = await _standing(settings, found)
    allowance.begin()
    asked = Asked([])
    try:
        if settings.spec and settings.spec.parent:
            found.warnings.append(f"not asked: it is read for each row of `{settings.spec.parent.endpoint}`")
        elif allowance.in_all:
            await preview(settings, endpoint, lane, allowance, found, asked, clock)
    except Enough as enough:
        if not asked.chunks:
            found.warnings.append(f"not asked: {enough}")
    except DatasyncError as error:
        found.warnings.append(settings.mask(f"{error}" + (f"; {error.hint}" if error.hint else "")))
    _forecast(found, asked, standing)
    return found


def _why(settings: Settings, endpoint: Endpoint) -> str:
    """The lane's reason."""
    if settings.transforms:
        return "transforms want records"
    if endpoint.plan.format == "csv" or endpoint.plan.records.startswith("$"):
        return f"Python finds the records: {endpoint.plan.records or endpoint.plan.format}"
    if settings.spec and settings.spec.table.contract != "evolve":
        return f"the contract `{settings.spec.table.contract}` looks at each record"
    if settings.spec and settings.spec.table.children:
        return "lists go to tables of their own"
    return "page bytes become rows without Python objects"


def _partitions(settings: Settings, endpoint: Endpoint) -> int:
    has_parent = settings.spec is not None and settings.spec.parent is not None
    several = has_parent or (isinstance(endpoint, Windowed) and not settings.transforms)
    return settings.partitions or (settings.slots.initial if several else 1)


def _configured(settings: Settings, endpoint: Endpoint) -> str:
    if settings.spec is not None and settings.spec.use is None:
        return str(settings.spec.paging.__struct_config__.tag)
    return "cursor" if endpoint.plan.next_cursor is not None else "the endpoint's own"


def _size(settings: Settings) -> int | None:
    return None if settings.spec is None else settings.spec.paging.size


async def _standing(settings: Settings, found: EndpointPlan) -> Standing | None:
    if settings.sink != "postgres" or not isinstance(settings.to, PostgresTo | None):
        return None
    try:
        standing = await look(settings, found.name)
    except DatasyncError as error:
        found.warnings.append(settings.mask(f"the database was not looked at: {error}"))
        return None
    found.table, found.columns = standing.table, dict(standing.columns)
    found.checkpoint = "complete" if standing.complete else "goes on" if standing.served else "beginning"
    found.cursor = next((part.checkpoint.cursor for part in standing.partitions if part.checkpoint.cursor), None)
    return standing


def _forecast(found: EndpointPlan, asked: Asked, standing: Standing | None) -> None:
    if asked.chunks:
        found.page_records, found.total = asked.chunks[0].records, asked.chunks[0].total
    if standing is not None and found.total is None:
        found.total = next((part.checkpoint.total for part in standing.partitions if part.checkpoint.total), None)
    records = found.page_records or found.page_size
    if found.total is None or not records:
        return
    served = 0 if standing is None else standing.served
    found.left = 0 if found.checkpoint == "complete" else max(0, found.total - served)
    found.requests = math.ceil(found.left / records)
    stats = RunStats(
        pages=max(1, len(asked.chunks)),
        fetched=sum(chunk.records for chunk in asked.chunks) or records,
        total=found.total,
        served=found.total - found.left,
    )
    work = seconds_left(stats, asked.seconds) if asked.chunks else None
    waits = pace.seconds(found.limits, found.requests, found.window)
    found.seconds = max((one for one in (work, waits) if one is not None), default=None)
