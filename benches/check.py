"""`make bench-check`: measures again and fails when a ratio fell more than a fifth below the saved one.

Only ratios are compared: an absolute time says more about the machine than about the change.
"""

import json
import sys

from benches.run import RATIOS, measure, ratios

ALLOWED = 0.8


def main() -> None:
    """Exit 1 when a ratio fell."""
    saved: dict[str, float] = json.loads(RATIOS.read_text())
    measured = ratios(measure())
    fallen = False
    for name, before in saved.items():
        now = measured.get(name, 0.0)
        good = now >= ALLOWED * before
        fallen |= not good
        print(f"{'ok    ' if good else 'FALLEN'} {name}: {now:.2f}, saved {before:.2f}")
    sys.exit(1 if fallen else 0)


if __name__ == "__main__":
    main()
