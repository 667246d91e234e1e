"""How the events of the DataSync API are read."""

from typing import Final

from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.model import EncoderPlan
from datasync.testing.checks import example_settings

PLAN: Final[EncoderPlan] = EventsEndpoint(example_settings()).plan
