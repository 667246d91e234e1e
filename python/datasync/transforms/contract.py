"""What a field means that no column takes, where it isn't simply kept in the jsonb."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from datasync import envelope
from datasync.errors import ContractChanged
from datasync.model import Column
from datasync.transforms.chain import RecordRefused


def contract(
    columns: Sequence[Column], mode: Literal["freeze", "quarantine"]
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make a transform that lets no record pass with a field, at its top, that no column takes.

    The field takes the run to its end, with ContractChanged, or the record to quarantine, with `unknown_field`.
    """
    known = {
        step for column in columns if column.source == "record" and (step := envelope.first(column.path)) is not None
    }

    def check(record: dict[str, Any]) -> dict[str, Any]:
        unknown = record.keys() - known
        if not unknown:
            return record
        fields = ", ".join(f"`{field[:60]}`" for field in sorted(unknown)[:5])
        if mode == "freeze":
            raise ContractChanged(
                f"records have fields that no column takes: {fields}",
                hint='add columns for them, or let the table\'s `contract` be "evolve" or "quarantine"',
            )
        raise RecordRefused("unknown_field", f"no column takes {fields}")

    return check
