"""What is kept of a stream besides its rows, by sinks that keep it as one document."""

from collections.abc import Mapping, Sequence

import msgspec

from datasync.config.schema import RoundSettings, Settings
from datasync.errors import ConfigError, RowsMissing, SchemaMismatch
from datasync.model import Batch, Column, Committed, PartitionState, Window
from datasync.sinks import counts, reading, rounds
from datasync.sinks.counts import Put
from datasync.stats import Counts


class Identity(msgspec.Struct, frozen=True):
    """What a stream's rows are. Fixed when it is begun.

    Attributes:
        stream: the endpoint's name.
        source: base URL of the API.
        table: that the rows go to.
        mode: see TableSettings.
        columns: name and kind of each.
        reading: how it is read; see there.
    """

    stream: str
    source: str
    table: str
    mode: str
    columns: tuple[tuple[str, str], ...]
    reading: Mapping[str, str] = {}

    @classmethod
    def of(cls, settings: Settings, stream: str, columns: Sequence[Column]) -> "Identity":
        """Of a run's settings."""
        named = tuple((column.name, column.kind) for column in columns)
        how = reading.of(settings)
        return cls(stream, settings.api_base_url, settings.table.name, settings.table.mode, named, how)


class There(msgspec.Struct, frozen=True):
    """What is stored, over all runs; of `rejects` those that came since the stream was read as a whole.

    `rows` is None where rows can't be told from those of an earlier round.
    """

    rows: int | None
    rejects: int


class Books(msgspec.Struct, frozen=True):
    """The state of a stream. Saved with the rows that it counts.

    Attributes:
        identity: what the stream is.
        epoch: of the run that may write.
        batch: number of the last batch, over all runs.
        first_batch: the first one since the stream is read as a whole.
        partitions: by number.
        total: what the API declared first, in this round.
        served_before: what was served in this round, but proves nothing of its end: it was read again since. None where
            the total is of everything, and not of what is newer than the round's beginning alone.
        version: of this document.
    """

    identity: Identity
    epoch: int = 0
    batch: int = 0
    first_batch: int = 0
    partitions: tuple[PartitionState, ...] = (PartitionState(),)
    total: int | None = None
    served_before: int | None = None
    counts: Counts = msgspec.field(default_factory=Counts)
    version: int = 1

    @property
    def complete(self) -> bool:
        """All partitions were read to their ends."""
        return all(state.checkpoint.complete for state in self.partitions)

    @property
    def states(self) -> tuple[PartitionState, ...]:
        """What a run begins with."""
        replace = msgspec.structs.replace
        return tuple(
            replace(state, checkpoint=replace(state.checkpoint, total=self.total)) for state in self.partitions
        )

    def fits(self, identity: Identity, *, restart: bool) -> None:
        """Make sure that a run can go on from here.

        Raises:
            ConfigError: it reads another API, or writes in another way.
            SchemaMismatch: it has other columns.
        """
        ours = self.identity
        if not restart and ours.source != identity.source:
            raise ConfigError(
                f"the checkpoint of `{ours.stream}` is that of {ours.source}, not of {identity.source}",
                hint="write to another place, or read this API from its beginning with --restart",
            )
        if restart and ours.mode == identity.mode == "replace" and ours.stream == identity.stream:
            return  # nothing of what is there will be left
        for what in ("stream", "table", "mode"):
            was, now = getattr(ours, what), getattr(identity, what)
            if was != now:
                raise ConfigError(
                    f"the rows that are there have the {what} `{was}`, and this run has `{now}`",
                    hint="write to another table or another place",
                )
        if ours.columns != identity.columns:
            raise SchemaMismatch(
                f"the columns of `{ours.table}` are {_listed(ours.columns)}, and this run has"
                f" {_listed(identity.columns)}",
                hint="write to another table or another place",
            )
        if not restart:
            reading.check(ours.stream, ours.reading, identity.reading, complete=self.complete)

    def begun(self, settings: RoundSettings, identity: Identity, *, restart: bool) -> tuple["Books", bool]:
        """The books that a run goes on with, and whether it begins a round."""
        anew = identity.mode == "replace"
        state = rounds.first(settings) if restart else rounds.following(self.partitions, settings, anew=anew)
        if state is None:
            return msgspec.structs.replace(self, identity=identity), False
        before = 0 if rounds.counts_newer(state, settings) else None
        first = self.batch + 1 if rounds.reads_all(state, settings) else 0 if restart else self.first_batch
        return Books(identity, self.epoch, self.batch, first, (state,), served_before=before), True

    def after(self, batch: Batch, put: Put, *, keeps_known: bool) -> tuple["Books", Committed]:
        """The books with a batch in them."""
        done = put.committed(len(batch.rejects), keeps_known=keeps_known)
        old, before = self.counts, self.served_before
        if batch.chunks and batch.chunks[0].again:
            # What transforms left out will be left out once more, and must not count twice; nor must what was served.
            old = msgspec.structs.replace(old, duplicates=old.duplicates + old.dropped, dropped=0)
            before = None if before is None else old.served
        counted = Counts(
            served=old.served + batch.records,
            rows=old.rows + done.rows,
            updated=old.updated + done.updated,
            unchanged=old.unchanged + done.unchanged,
            duplicates=old.duplicates + done.duplicates,
            quarantined=old.quarantined + done.quarantined,
            dropped=old.dropped + batch.dropped,
        )
        books = msgspec.structs.replace(
            self,
            batch=self.batch + 1,
            partitions=_advanced(_shared(self.partitions, batch.windows), batch),
            total=batch.checkpoint.total if self.total is None else self.total,
            served_before=before,
            counts=counted,
        )
        return books, done

    def missing(self, there: There) -> int:
        """How many records are missing: of those that were stored, and of the total the API declared, if it did."""
        return counts.missing(
            self.counts,
            self.total,
            rows=self.counts.rows if there.rows is None else there.rows,
            quarantined=there.rejects,
            keyed=there.rows is not None,
            newer=None if self.served_before is None else self.counts.served - self.served_before,
        )

    def reopened(self, batch: Batch) -> "Books":
        """Every partition before its last page: any of them may have ended too early."""
        replace = msgspec.structs.replace
        # What the last page left out will be left out again, and what it served comes again.
        last, records = (batch.chunks[-1].dropped, batch.chunks[-1].records) if batch.chunks else (0, 0)
        old, before = self.counts, self.served_before
        return replace(
            self,
            partitions=tuple(
                replace(state, checkpoint=replace(state.checkpoint, complete=False)) for state in self.partitions
            ),
            counts=replace(old, dropped=old.dropped - last, duplicates=old.duplicates + last),
            served_before=None if before is None else before + records,
        )

    def check_counts(self) -> None:
        """Raise CountsDiffer if the counters don't make up what was served."""
        counts.check(self.identity.stream, self.counts, hint="was the state edited? Count anew with --restart")

    def check_complete(self, there: There) -> None:
        """Make sure that a stream which was read to its end is still whole. Raises RowsMissing, CountsDiffer."""
        if gone := self.missing(there):
            raise RowsMissing(
                f"`{self.identity.stream}` was read to its end, but {gone:,} of its records are not there any more",
                hint="run with --restart to read them again",
            )
        self.check_counts()


def _listed(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns)


def _shared(states: Sequence[PartitionState], windows: Mapping[int, Window]) -> Sequence[PartitionState]:
    kept = {state.number: state for state in states}
    for number, window in windows.items():
        kept[number] = msgspec.structs.replace(kept.get(number, PartitionState(number)), window=window)
    return [kept[number] for number in sorted(kept)]


def _advanced(states: Sequence[PartitionState], batch: Batch) -> tuple[PartitionState, ...]:
    return tuple(
        msgspec.structs.replace(state, checkpoint=batch.checkpoint) if state.number == batch.partition else state
        for state in states
    )
