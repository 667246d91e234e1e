"""The simulated DataSync API: used by the demo, the tests and the benches alike."""

from datasync.simulator.dataset import Dataset
from datasync.simulator.options import SimulatorOptions
from datasync.simulator.process import SimulatorProcess
from datasync.simulator.served import Served

__all__ = ["Dataset", "Served", "SimulatorOptions", "SimulatorProcess"]
