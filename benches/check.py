"""`make bench-check`: measures again and fails when a ratio fell more than a fifth below the saved one.

Only ratios are compared: an absolute time says more about the machine than about the change.
"""

import json
import sys

from benches.run import RATIOS, measure, ratios

ALLOWED = 0.8


def fallen(saved: dict[str, float], measured: dict[str, float]) -> list[str]:
    """The names of the ratios that fell too far, or are no longer measured."""
    return [name for name, before in saved.items() if measured.get(name, 0.0) < ALLOWED * before]


def main() -> None:
    """Exit 1 when a ratio fell."""
    saved: dict[str, float] = json.loads(RATIOS.read_text())
    measured = ratios(measure())
    bad = fallen(saved, measured)
    for name, before in saved.items():
        print(f"{'FALLEN' if name in bad else 'ok    '} {name}: {measured.get(name, 0.0):.2f}, saved {before:.2f}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
