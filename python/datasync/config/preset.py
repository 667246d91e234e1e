"""The DataSync API in the words of a configuration: what is read where environment variables alone say what to do."""

from collections.abc import Mapping
from typing import Final

import msgspec

from datasync.config.schema import Settings
from datasync.config.secret import Secret
from datasync.config.spec import (
    Api,
    Budget,
    ColumnSpec,
    Config,
    CursorPaging,
    EndpointSpec,
    HeaderKey,
    PostgresTo,
    Renewal,
    Table,
)

_TABLE: Final = Table(
    name="ingested_events",
    columns=(
        ColumnSpec(name="id", key=True, required=True),
        ColumnSpec(name="event_type", path="type"),
        ColumnSpec(name="timestamp", type="timestamptz"),
        ColumnSpec(name="data", path="", type="jsonb", required=True),
    ),
)

_PAGING: Final = CursorPaging(
    size=5000,
    next="pagination.nextCursor",
    has_more="pagination.hasMore",
    total="meta.total",
    ttl="2m",
    expired=("CURSOR_EXPIRED", "CURSOR_INVALID_FORMAT"),
    # The API's own cursors live 120 s from the start of the request.
    renew=Renewal(members={"id": "$key", "ts": "$timestamp_ms", "v": 2}, expires="exp", lifetime="110s"),
)

PRESETS: Final[Mapping[str, EndpointSpec]] = {
    "datasync": EndpointSpec(name="datasync.events", path="/events", records="data", paging=_PAGING, table=_TABLE),
    "datasync-feed": EndpointSpec(
        name="datasync.feed", path="/events/d4ta/x7k9/feed", records="data", paging=_PAGING, table=_TABLE
    ),
}
"""The built-in endpoints, by the name to `use`. Reading the feed takes a token that only its own code can get."""


def described(settings: Settings, name: str) -> Settings:
    """Give settings of a run that read the preset `name`, whatever they say of the endpoint themselves.

    What is there of the API stays; else it has the key in its usual header.
    """
    api = settings.api or Api(base_url=settings.api_base_url, auth=HeaderKey(key=settings.api_key))
    return msgspec.structs.replace(settings, api=api, spec=PRESETS[name])


def config(settings: Settings) -> Config:
    """Give the configuration that says the same as these settings of `datasync.config.load`.

    An endpoint that only its own code can read is `use`d; what it is called there and its table are its own.
    """
    limits, write = settings.limits, settings.write
    spec = PRESETS["datasync"]
    rule = write.on_conflict.rule + (f":{write.on_conflict.newer_by}" if write.on_conflict.newer_by else "")
    table = Table(name=_TABLE.name, columns=_TABLE.columns, on_conflict=rule)
    if settings.endpoint != "datasync":
        spec = EndpointSpec(name=settings.endpoint, use=settings.endpoint)
        table = Table(name=_TABLE.name, on_conflict=rule)
    return Config(
        api=Api(
            base_url=settings.api_base_url,
            auth=HeaderKey(key=_variable(settings.api_key)),
            retry_for=settings.http.retry_for,
            timeout=settings.http.timeout,
        ),
        sink=PostgresTo(
            url=_variable(settings.database_url), direct=write.direct, durable=write.durable, writers=write.writers
        ),
        endpoints=(
            EndpointSpec(
                name=spec.name,
                use=spec.use,
                path=spec.path,
                records=spec.records,
                paging=spec.paging,
                table=table,
                transforms=settings.transforms,
                partitions=settings.partitions,
            ),
        ),
        budget={
            "default": Budget(
                concurrency=settings.slots.maximum,
                rule=limits.concurrency,
                shared=limits.shared,
                max_wait=limits.max_wait,
            )
        },
        max_rejects=settings.max_rejects,
        memory=f"{settings.memory_bytes >> 10}KiB",
    )


def _variable(secret: Secret) -> Secret:
    """The same as a reference to the variable that it came from."""
    return Secret(secret.reveal(), source=f"${{{secret.source}}}")
