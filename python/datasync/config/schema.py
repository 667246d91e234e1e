"""The settings of a run. The defaults are those of the seed architecture."""

from typing import Final

import msgspec

MAX_PARTITIONS: Final = 100
"""Chains read side by side. No API here takes as many requests at once."""


class Secret:
    """A string that no output shows: its repr and str are masked, and it is not a str.

    Attributes:
        source: where it came from, for error messages (an environment variable's name).
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: str, *, source: str) -> None:
        self._value = value
        self.source = source

    def reveal(self) -> str:
        """The value itself. Call it only where it is handed to a library."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret(source={self.source!r})"

    __str__ = __repr__


class PoolSettings(msgspec.Struct, frozen=True):
    """Database connections. Times in seconds."""

    max_size: int = 15
    max_idle: float = 30.0
    connect_timeout: float = 5.0


class HttpSettings(msgspec.Struct, frozen=True):
    """Requests.

    Attributes:
        timeout: seconds for one request, from its start to the last byte.
        retry_delays: seconds before each repetition after a 5xx, a network error or a damaged page; then the run ends.
        max_page_bytes: bytes of one answer, before and after decompression.
    """

    timeout: float = 10.0
    retry_delays: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    max_page_bytes: int = 64 * 1024 * 1024


class SlotSettings(msgspec.Struct, frozen=True):
    """Requests in flight, by the seed's rules."""

    initial: int = 5
    reduced: int = 2
    maximum: int = 10
    refusals_to_reduce: int = 3
    successes_to_grow: int = 50


class BatchSettings(msgspec.Struct, frozen=True):
    """What goes into one transaction.

    Attributes:
        rows: a batch is full at this many rows or at `nbytes`. An idle writer takes what there is, sooner.
        waiting: full batches that may wait for the writer; then fetching stops.
    """

    rows: int = 10_000
    nbytes: int = 32 * 1024 * 1024
    waiting: int = 2


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
        sink: name of a registered sink.
        transforms: names of registered transforms, or `module:function`; any puts the run on the record lane.
        restart: read from the beginning again, whatever the checkpoint says.
        partitions: chains read side by side, of an endpoint that takes windows of time; 1 to 100. None is as many as
            there are slots at the start: more could not have a request under way, and each costs a part-filled page.
    """

    database_url: Secret
    api_base_url: str
    api_key: Secret
    endpoint: str = "datasync"
    sink: str = "postgres"
    transforms: tuple[str, ...] = ()
    restart: bool = False
    partitions: int | None = None
    pool: PoolSettings = PoolSettings()
    http: HttpSettings = HttpSettings()
    slots: SlotSettings = SlotSettings()
    batch: BatchSettings = BatchSettings()
    shutdown: ShutdownSettings = ShutdownSettings()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What no output may show."""
        return self.database_url, self.api_key
