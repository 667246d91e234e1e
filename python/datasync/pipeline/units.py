"""Notices an API that changes the unit of its timestamps."""

import structlog

from datasync.model import Batch

UNITS = frozenset({"s", "ms", "us", "ns"})
"""Of bare numbers. Text names its own unit."""


class UnitWatch:
    """Counts how timestamps were written, and warns once for each further unit that a column's numbers come in.

    Each number was read right: it is plausible in one unit only. But an API that mixes them may soon send one that
    isn't.
    """

    def __init__(self, counts: dict[str, dict[str, int]]) -> None:
        """Take `counts`, filled from here on: column name to how many values were written in each way."""
        self._counts = counts

    def see(self, batch: Batch) -> None:
        """Count the timestamps of a stored batch."""
        for chunk in batch.chunks:
            for column, found in chunk.timestamps.items():
                counts = self._counts.setdefault(column, {})
                known = UNITS & counts.keys()
                for what, count in found.items():
                    counts[what] = counts.get(what, 0) + count
                if (new := UNITS & found.keys() - known) and len(known | new) > 1:
                    structlog.get_logger().warning(
                        "the API changes the unit of its timestamps",
                        column=column,
                        units={unit: counts[unit] for unit in sorted(known | new)},
                        hint="if that is wrong, declare the column's unit: other numbers then go to quarantine",
                    )
