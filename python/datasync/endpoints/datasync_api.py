"""The built-in endpoint `datasync`: the events list of the DataSync API."""

from collections.abc import Mapping
from typing import ClassVar

from datasync import hookspecs
from datasync.config import Settings
from datasync.config.preset import described
from datasync.endpoints.rest import RestEndpoint
from datasync.plugins import Register


class EventsEndpoint(RestEndpoint):
    """What the preset describes, with or without a configuration: `GET {API_BASE_URL}/events`, with the key.

    It is its own stream, whatever a configuration that uses it calls it.

    Attributes:
        preset: name among `datasync.config.preset.PRESETS`.
    """

    preset: ClassVar[str] = "datasync"
    hints: ClassVar[Mapping[int, str]] = {404: "look at API_BASE_URL"}

    def __init__(self, settings: Settings) -> None:
        super().__init__(described(settings, self.preset))


@hookspecs.hookimpl
def register_endpoints(register: Register) -> None:
    """Offer `datasync`."""
    register("datasync", EventsEndpoint)
