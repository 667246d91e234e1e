"""Where a stream begins, and where it goes on once it was read to its end."""

from collections.abc import Sequence

from datasync.config.schema import RoundSettings
from datasync.model import Checkpoint, PartitionState


def first(rounds: RoundSettings) -> PartitionState:
    """The state of a stream that was never begun."""
    return PartitionState(checkpoint=Checkpoint(since_us=rounds.start_us))


def following(states: Sequence[PartitionState], rounds: RoundSettings, *, anew: bool) -> PartitionState | None:
    """The state of the next round; None where the stream isn't complete, or isn't to be read on.

    It is one partition, whatever windows the round before was read in. It counts pages and records anew, for what the
    API declares is what this round is held against.

    Args:
        states: as the round before left them.
        rounds: what to do.
        anew: the rows of the round will replace all others, so it asks for all of them.
    """
    if not rounds.again or not all(state.checkpoint.complete for state in states):
        return None
    checkpoints = [state.checkpoint for state in states]
    newest = max((one.newest_us for one in checkpoints if one.newest_us is not None), default=None)
    return PartitionState(
        checkpoint=Checkpoint(
            since_us=rounds.start_us if newest is None or anew else newest - rounds.lookback_us,
            newest_us=newest,
        )
    )


def counts_newer(state: PartitionState, rounds: RoundSettings) -> bool:
    """Whether the API's total is of what is newer than the round's beginning alone.

    A round that ends at what is known needn't have asked for what is newer: then the total may be of everything.
    """
    return state.checkpoint.since_us is not None and rounds.until_known is None


def reads_all(state: PartitionState, rounds: RoundSettings) -> bool:
    """Whether the round reads all that the API has, and not what is newer, or until something is known."""
    return state.checkpoint.since_us is None and rounds.until_known is None
