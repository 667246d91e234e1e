"""The settings of a run. The slots have the defaults of the seed architecture."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from datasync.config.mask import Masker
from datasync.config.secret import Secret
from datasync.config.spec import Api, EndpointSpec, SinkSpec

MAX_PARTITIONS: Final = 100
"""Chains read side by side. No API here takes as many requests at once."""

MAX_REJECTS: Final = 0.001
"""Share of a run's records that may go to quarantine, unless told."""

MIN_MEMORY: Final = 16 * 1024 * 1024
"""Bytes. With less, a page of a few megabytes would find no room."""

MIN_MASKED: Final = 6
"""Characters that an access header's value must have to be masked in texts: `1` and `true` would spoil every line."""


class ConnectionSettings(msgspec.Struct, frozen=True):
    """Connections to the database.

    Attributes:
        timeout: seconds to connect.
    """

    timeout: float = 5.0


class HttpSettings(msgspec.Struct, frozen=True):
    """Requests. Times in seconds.

    Attributes:
        timeout: for the first byte of an answer's body, from the start of the request.
        min_rate: bytes a second that a body must bring from then on, over any 5 s; so a large page may take its time on
            a slow link, and one that drips ends.
        total_timeout: for one request, however fast its answer comes.
        retry_for: after a first failure, for asking again; then the run ends. Refusals by the rate limit don't count.
        retry_cap: longest wait between two attempts.
        max_page_bytes: bytes of one answer that isn't a page, before and after decompression; a page's limit comes
            from `memory_bytes`.
        max_ratio: how often the compressed size a page of more than 1 MiB may be. JSON is seldom above 30.
    """

    timeout: float = 10.0
    min_rate: float = 1000.0
    total_timeout: float = 300.0
    retry_for: float = 900.0
    retry_cap: float = 60.0
    max_page_bytes: int = 64 * 1024 * 1024
    max_ratio: int = 200


class SlotSettings(msgspec.Struct, frozen=True):
    """Requests in flight. Only `initial` and `maximum` count for the adaptive rule."""

    initial: int = 5
    reduced: int = 2
    maximum: int = 10
    refusals_to_reduce: int = 3
    successes_to_grow: int = 50


class LimitSettings(msgspec.Struct, frozen=True):
    """How the limiter behaves.

    Attributes:
        concurrency: `adaptive` adds requests in flight only while that makes the run faster; `seed` is the seed's rule.
        shared: draw on one budget with all processes that use the same key and database.
        max_wait: seconds. A run that would have to wait longer for the rate limit ends, and says when to go on.
    """

    concurrency: Literal["adaptive", "seed"] = "adaptive"
    shared: bool = False
    max_wait: float = 900.0


class BatchSettings(msgspec.Struct, frozen=True):
    """What goes into one transaction.

    Attributes:
        rows: a batch is full at this many rows or at `nbytes`. An idle writer takes what there is, sooner.
        waiting: full batches that may wait for the writer; then fetching stops.
    """

    rows: int = 20_000
    nbytes: int = 32 * 1024 * 1024
    waiting: int = 2


class ConflictPolicy(msgspec.Struct, frozen=True):
    """What is done with a row whose key is in the target already, or twice in a batch.

    Attributes:
        rule: `nothing`: the row that is there stays. `update`: it is replaced. `update_if_changed`: only if a column
            differs, so that nothing is written for what comes again as it was. `update_if_newer`: only if the column
            `newer_by` is greater; NULL is less than anything.
        newer_by: name of a column, with `update_if_newer` alone.
    """

    rule: Literal["nothing", "update", "update_if_changed", "update_if_newer"] = "nothing"
    newer_by: str | None = None


class WriteSettings(msgspec.Struct, frozen=True):
    """How rows are written.

    Attributes:
        on_conflict: see ConflictPolicy.
        direct: let COPY write into the target itself as long as no key is met that is there already.
        durable: have each commit wait for the disk. Without it a crash of the server's machine may take the last
            moments' batches back, rows and checkpoint together; they are then read again. The last commit of a run
            always waits.
        writers: connections that write. While one moves its rows into the target the other sends the next ones.
        wait: for another run of the stream to end, instead of ending with SinkBusy.
    """

    on_conflict: ConflictPolicy = ConflictPolicy()
    direct: bool = True
    durable: bool = False
    writers: int = 2
    wait: bool = False


class TableSettings(msgspec.Struct, frozen=True):
    """The table that rows go to.

    Attributes:
        name: alone, or behind its schema and a dot.
        mode: `merge` by key, `append` without a look at what is there, or `replace`: the rows of a run take the place
            of all that were there, once the run is complete.
    """

    name: str = "ingested_events"
    mode: Literal["merge", "append", "replace"] = "merge"


class RoundSettings(msgspec.Struct, frozen=True):
    """What a run does with a stream that was read to its end.

    Attributes:
        again: read it on, from the newest timestamp less `lookback_us`; else there is nothing to do.
        start_us: where the very first round begins; None is the beginning.
        until_known: pages in a row without a new or changed row after which the round is complete; None is never.
    """

    again: bool = False
    lookback_us: int = 0
    start_us: int | None = None
    until_known: int | None = None


class ShutdownSettings(msgspec.Struct, frozen=True):
    """After the first signal. Seconds.

    Attributes:
        in_flight: for answers that are on their way.
        total: until the process ends, whatever it waits for. Docker kills after 10.
    """

    in_flight: float = 5.0
    total: float = 9.0


class Settings(msgspec.Struct, frozen=True):
    """Everything a run needs.

    Attributes:
        endpoint: name of a registered endpoint.
        access_headers: sent with the request for a token besides the key, by endpoints that need one.
        sink: name of a registered sink.
        executor: name of the registered one that decides when each endpoint of a configuration is read.
        transforms: names of registered transforms, or `module:function`; any puts the run on the record lane.
        restart: read from the beginning again, whatever the checkpoint says.
        partitions: chains read side by side, of an endpoint that takes windows of time or has a parent; 1 to 100. None
            is as many as there are slots at the start: more could not have a request under way, and each costs a
            part-filled page.
        max_rejects: the share of the records read in a run, 0 to 1, that may go to quarantine. Ten more may, always.
        memory_bytes: what pages may take in all, from their arrival until they are stored; at least MIN_MEMORY.
        mask: goes over every text that leaves the process. It knows `secrets`; whoever gets a token tells it.
        api, spec, to: what the configuration says of the API, this endpoint and the sink; None where environment
            variables alone say what to do.
    """

    database_url: Secret
    api_base_url: str
    api_key: Secret
    endpoint: str = "datasync"
    access_headers: Mapping[str, Secret] = {}
    sink: str = "postgres"
    executor: str = "local"
    transforms: tuple[str, ...] = ()
    restart: bool = False
    partitions: int | None = None
    max_rejects: float = MAX_REJECTS
    memory_bytes: int = 256 * 1024 * 1024
    connection: ConnectionSettings = ConnectionSettings()
    http: HttpSettings = HttpSettings()
    slots: SlotSettings = SlotSettings()
    limits: LimitSettings = LimitSettings()
    batch: BatchSettings = BatchSettings()
    write: WriteSettings = WriteSettings()
    table: TableSettings = TableSettings()
    rounds: RoundSettings = RoundSettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    mask: Masker = msgspec.field(default_factory=Masker)
    api: Api | None = None
    spec: EndpointSpec | None = None
    to: SinkSpec | None = None

    def __post_init__(self) -> None:
        self.mask.add(self.secrets)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What no output may show."""
        headers = [secret for secret in self.access_headers.values() if len(secret.reveal()) >= MIN_MASKED]
        return self.database_url, self.api_key, *headers
