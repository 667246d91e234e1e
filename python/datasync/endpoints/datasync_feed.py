"""The built-in endpoint `datasync-feed`: the events feed of the DataSync API, which wants a token besides the key."""

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec

from datasync import envvars, hookspecs
from datasync.config import Secret, Settings
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.errors import ConfigError
from datasync.http.access import AccessSpec
from datasync.http.auth import ApiKeyAuth
from datasync.http.grant import KeyGrant
from datasync.http.origin import same_origin
from datasync.http.token import TokenAuth
from datasync.model import Position, Request, Window
from datasync.plugins import Register

ACCESS_PATH: Final = "/internal/dashboard/stream-access"
"""From the root of the server, not of the API."""


class FeedEndpoint(EventsEndpoint):
    """`GET {API_BASE_URL}/events/d4ta/x7k9/feed`, or the path that comes with the token, with the key and the token.

    Its records are those of the list, and its timestamps are all epoch milliseconds. It takes windows.
    """

    preset: ClassVar[str] = "datasync-feed"

    def __init__(self, settings: Settings) -> None:
        """Take the settings, with a key that goes into a header.

        Raises:
            ConfigError: the credentials are others.
        """
        super().__init__(settings)
        if not isinstance(self.auth, ApiKeyAuth):
            raise ConfigError(
                "the feed's token is given for a key in a header",
                hint='write `auth = { kind = "header", key = "${API_KEY}" }`',
            )
        spec = access_spec(settings.api_base_url, settings.access_headers)
        self.auth = TokenAuth(KeyGrant(self.auth, spec, learn=settings.mask.learn))

    def request_window(self, cursor: str | None, window: Window) -> Request:
        """See Windowed. Whether the API's bounds are inclusive is unknown: a millisecond more is right either way."""
        bounds = {} if window.since is None else {"since": window.since - 1}
        bounds |= {} if window.until is None else {"until": window.until}
        request = self.request(cursor)
        return msgspec.structs.replace(request, params={**request.params, **bounds})

    def moment(self, position: Position) -> int:
        """See Windowed."""
        return int(position["ts"])


def access_spec(base_url: str, headers: Mapping[str, Secret]) -> AccessSpec:
    """How the DataSync API gives tokens."""
    return AccessSpec(
        url=same_origin(base_url, ACCESS_PATH),
        token="streamAccess.token",  # noqa: S106  # a path
        lifetime="streamAccess.expiresIn",
        header="streamAccess.tokenHeader",
        endpoint="streamAccess.endpoint",
        headers=headers,
        headers_source=envvars.ACCESS_HEADERS,
        refused_status=403,
        refused_code="INVALID_STREAM_TOKEN",
        hints={
            "DASHBOARD_REQUIRED": f"the API wants more headers with this request: set {envvars.ACCESS_HEADERS} to a "
            'JSON object of them, like {"X-Name": "value"}',
        },
    )


@hookspecs.hookimpl
def register_endpoints(register: Register) -> None:
    """Offer `datasync-feed`."""
    register("datasync-feed", FeedEndpoint)
