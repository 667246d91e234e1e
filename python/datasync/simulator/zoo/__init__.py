"""A zoo of API shapes: the same records behind every usual kind of paging, credentials and oddity."""

from datasync.simulator.zoo.data import ZooData
from datasync.simulator.zoo.options import ZooOptions
from datasync.simulator.zoo.process import ZooProcess
from datasync.simulator.zoo.species import SPECIES, Species
from datasync.simulator.zoo.state import ZooServed

__all__ = ["SPECIES", "Species", "ZooData", "ZooOptions", "ZooProcess", "ZooServed"]
