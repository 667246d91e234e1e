"""Runs the simulated API: with the options as one JSON argument for `SimulatorProcess`, else as the command does."""

from __future__ import annotations

import sys

import msgspec

from datasync.simulator.options import SimulatorOptions


def main() -> None:
    """Serve until told to end."""
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        from datasync.simulator.server import serve  # noqa: PLC0415  # the command line imports it itself, and kindly

        serve(msgspec.json.decode(sys.argv[1], type=SimulatorOptions))
    else:
        from datasync.cli.simulate import simulate  # noqa: PLC0415  # a child starts faster without the command line

        simulate.main(prog_name="python -m datasync.simulator")


if __name__ == "__main__":
    main()
