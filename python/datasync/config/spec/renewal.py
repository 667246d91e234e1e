"""`renew` of paging by cursor: cursors that the client may write itself."""

from collections.abc import Mapping
from typing import Final

import msgspec

from datasync.config import duration as durations
from datasync.config.invalid import InvalidSpec
from datasync.config.spec import valid

KEY: Final = "$key"
TIMESTAMP_MS: Final = "$timestamp_ms"

MIN_LIFETIME: Final = 2
"""Seconds. A shorter one may be over before the cursor is sent: `Date` is up to a second late."""

_OF_RECORDS: Final = (KEY, TIMESTAMP_MS)


class Renewal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a cursor holds, of an API whose cursors are base64 of a JSON object that nobody signs.

    One that expired is then replaced by one that is written for the same place, and nothing is read again.

    Attributes:
        members: of the object: `$key` and `$timestamp_ms` (since 1970) are those of the last record before the place;
            anything else is a constant.
        expires: the member besides that says when the cursor ends, in milliseconds since 1970.
        lifetime: duration that a cursor written here gets, 2s or more: servers tell their time in whole seconds.
    """

    members: Mapping[str, str | int | bool]
    expires: str
    lifetime: float | str

    def __post_init__(self) -> None:
        for name, value in self.members.items():
            if isinstance(value, str) and value.startswith("$") and value not in _OF_RECORDS:
                raise InvalidSpec(
                    f'members."{name}"', f"is unknown: `{value}`", hint=f"known: {', '.join(_OF_RECORDS)}"
                )
        if not self.of_records:
            hint = f'write `{KEY}` or `{TIMESTAMP_MS}` for what the last record had, as in `{{ id = "{KEY}" }}`'
            raise InvalidSpec("members", "says nothing of a place", hint=hint)
        valid.given("expires", self.expires)
        if self.expires in self.members:
            raise InvalidSpec("expires", "is one of `members`, too", hint="leave it out there")
        valid.duration("lifetime", self.lifetime)
        valid.within("lifetime", durations.seconds(self.lifetime), MIN_LIFETIME)

    @property
    def of_records(self) -> Mapping[str, str]:
        """The members that tell a place, each with what it is of the record."""
        return {name: value for name, value in self.members.items() if isinstance(value, str) and value in _OF_RECORDS}
