"""Runs a zoo with the options as one JSON argument, for `ZooProcess`."""

from __future__ import annotations

import sys

import msgspec

from datasync.simulator.zoo.options import ZooOptions
from datasync.simulator.zoo.server import serve_zoo

if __name__ == "__main__":
    serve_zoo(msgspec.json.decode(sys.argv[1], type=ZooOptions))
