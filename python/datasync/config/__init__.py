"""Settings: what a run needs to know, and where it is read from."""

from datasync.config.environment import variables
from datasync.config.load import load, load_database
from datasync.config.mask import Masker
from datasync.config.schema import Settings
from datasync.config.secret import Secret

__all__ = ["Masker", "Secret", "Settings", "load", "load_database", "variables"]
