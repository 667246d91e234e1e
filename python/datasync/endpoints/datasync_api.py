"""The built-in endpoint `datasync`: the events list of the DataSync API."""

from typing import Final

from datasync import hookspecs
from datasync.config import Settings
from datasync.endpoints.datasync_chain import CursorChain
from datasync.http.auth import ApiKeyAuth
from datasync.plugins import Register


class EventsEndpoint(CursorChain):
    """`GET {API_BASE_URL}/events`, with the key."""

    name: Final = "datasync.events"
    path = "/events"

    def __init__(self, settings: Settings) -> None:
        key = settings.api_key
        super().__init__(ApiKeyAuth("X-API-Key", key, base_url=settings.api_base_url), key_source=key.source)


@hookspecs.hookimpl
def register_endpoints(register: Register) -> None:
    """Offer `datasync`."""
    register("datasync", EventsEndpoint)
