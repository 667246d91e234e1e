"""A configuration into the settings of runs."""

from collections.abc import Sequence

import msgspec

from datasync.config import check, duration, hidden, moment, targets, values
from datasync.config.mask import Masker
from datasync.config.overrides import Overrides
from datasync.config.schema import (
    ConflictPolicy,
    HttpSettings,
    LimitSettings,
    RoundSettings,
    Settings,
    SlotSettings,
    TableSettings,
    WriteSettings,
)
from datasync.config.secret import Secret
from datasync.config.spec import (
    Api,
    Basic,
    Bearer,
    Budget,
    Config,
    EndpointSpec,
    HeaderKey,
    Incremental,
    OAuth2,
    PluginTo,
    PostgresTo,
    QueryKey,
)
from datasync.errors import ConfigError

REST = "rest"
"""The registered endpoint that reads what a configuration describes."""

_NOTHING = Overrides()


def runs(config: Config, *, overrides: Overrides = _NOTHING) -> tuple[Settings, ...]:
    """Give the settings of each endpoint's run, parents before their children, else in the file's order.

    They share one Masker that knows all secrets of the configuration.

    Raises:
        ConfigError: parts of the configuration don't fit together, or no endpoint is called as `overrides` says.
    """
    check.refuse(config)
    mask = Masker(secret for path, secret in hidden.found(config) if hidden.worth_masking(path, secret))
    chosen = _chosen(config, overrides.endpoint)
    if any(map(_divisible, chosen)):
        # What is told on the command line is for all endpoints, and most are one chain; it isn't meant for those.
        alone = msgspec.structs.replace(overrides, partitions=None)
        return tuple(_settings(config, one, overrides if _divisible(one) else alone, mask) for one in chosen)
    return tuple(_settings(config, endpoint, overrides, mask) for endpoint in chosen)


def _divisible(spec: EndpointSpec) -> bool:
    """Whether it can be read in several partitions, as far as the configuration tells."""
    return spec.use is not None or spec.parent is not None or spec.partitions is not None


def _chosen(config: Config, name: str | None) -> Sequence[EndpointSpec]:
    by_name = {endpoint.name: endpoint for endpoint in config.endpoints}
    if name is not None and name not in by_name:
        raise ConfigError(f"the configuration has no endpoint `{name}`", hint=f"known: {', '.join(by_name)}")
    ordered: dict[str, EndpointSpec] = {}

    def add(endpoint: EndpointSpec) -> None:
        if endpoint.parent is not None and endpoint.parent.endpoint not in ordered:
            add(by_name[endpoint.parent.endpoint])
        ordered[endpoint.name] = endpoint

    for endpoint in config.endpoints if name is None else [by_name[name]]:
        if endpoint.name not in ordered:
            add(endpoint)
    return list(ordered.values())


def _settings(config: Config, spec: EndpointSpec, told: Overrides, mask: Masker) -> Settings:
    name = spec.budget or config.api.budget
    budget = config.budget.get(name, Budget())
    sink = config.sink
    postgres = sink if isinstance(sink, PostgresTo) else None
    written = Settings(
        database_url=postgres.url if postgres else Secret("", source="sink"),
        api_base_url=config.api.base_url.rstrip("/"),
        api_key=_key(config.api),
        endpoint=spec.use or REST,
        executor=config.executor,
        sink=sink.name if isinstance(sink, PluginTo) else str(sink.__struct_config__.tag),
        transforms=spec.transforms,
        partitions=spec.partitions,
        max_rejects=config.max_rejects,
        memory_bytes=values.memory(config.memory),
        http=HttpSettings(
            timeout=duration.seconds(config.api.timeout), retry_for=duration.seconds(config.api.retry_for)
        ),
        slots=_slots(budget.concurrency),
        limits=LimitSettings(concurrency=budget.rule, shared=budget.shared, max_wait=duration.seconds(budget.max_wait)),
        write=_write(spec, postgres),
        table=TableSettings(name=targets.table_of(spec), mode=spec.table.mode),
        rounds=_rounds(spec.incremental),
        mask=mask,
        api=config.api,
        spec=spec,
        to=sink,
    )
    settings = told.over(written)
    if spec.table.mode != "merge":
        # Without a look at keys no two rows are in conflict; `[defaults]` and variables may say it for all tables.
        write = msgspec.structs.replace(settings.write, on_conflict=ConflictPolicy())
        return msgspec.structs.replace(settings, write=write)
    return settings


def _write(spec: EndpointSpec, sink: PostgresTo | None) -> WriteSettings:
    policy = values.on_conflict(spec.table.on_conflict)
    if sink is None:
        return WriteSettings(on_conflict=policy)
    return WriteSettings(on_conflict=policy, direct=sink.direct, durable=sink.durable, writers=sink.writers)


def _key(api: Api) -> Secret:
    auth = api.auth
    if isinstance(auth, HeaderKey | QueryKey):
        return auth.key
    if isinstance(auth, Bearer):
        return auth.token
    if isinstance(auth, Basic):
        return auth.password
    return auth.client_secret if isinstance(auth, OAuth2) else Secret("", source="api.auth")


def _slots(most: int) -> SlotSettings:
    usual = SlotSettings()
    return SlotSettings(initial=min(usual.initial, most), reduced=min(usual.reduced, most), maximum=most)


def _rounds(incremental: Incremental | None) -> RoundSettings:
    if incremental is None:
        return RoundSettings()
    start = incremental.start
    return RoundSettings(
        again=True,
        lookback_us=round(duration.seconds(incremental.lookback) * 1_000_000),
        start_us=None if start is None else moment.micros(start),
        until_known=incremental.until_known,
    )
