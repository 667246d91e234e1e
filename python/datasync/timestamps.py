"""Timestamps of every common form into instants: right, or refused."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

from datasync._native import Instants, TimestampReader

Treat: TypeAlias = Literal["keep", "null", "quarantine"]
"""What becomes of a sentinel: it is a value like any other, None, or refused."""

NULL: Final = -(2**63)
"""Stands for None where instants are int64. No instant is so early."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Sentinels(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """Values that some sources write where they have no instant. Each is kept unless you say otherwise.

    Attributes:
        empty: the empty string.
        null_text: the string "null", in any case.
        zero_date: text that begins with 0000-00-00.
        boolean: true and false.
        year_one: 0001-01-01T00:00:00.
        year_1900: 1900-01-01T00:00:00.
        unix_epoch: 1970-01-01T00:00:00, and the number 0.
        year_9999: any time in the last second of 9999.

    The last four are instants in UTC, or what is written if no zone is.
    """

    empty: Treat = "keep"
    null_text: Treat = "keep"
    zero_date: Treat = "keep"
    boolean: Treat = "keep"
    year_one: Treat = "keep"
    year_1900: Treat = "keep"
    unix_epoch: Treat = "keep"
    year_9999: Treat = "keep"


class TimestampPolicy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """How timestamps are read. The defaults refuse what could mean several instants.

    Read without being asked for: ISO 8601 with a zone (RFC 3339, week and ordinal dates, basic form, RFC 9557
    brackets), dates of mail and HTTP (RFC 5322, RFC 9110), Apache's logs, numbers of s, ms, us or ns since 1970 as
    JSON numbers or strings, `/Date(ms)/`, and the objects of MongoDB's Extended JSON, Protocol Buffers and Firestore.
    Everything is exact: no form goes through a float. Text and numbers of more than 64 bytes are refused unread.

    Attributes:
        unit: of bare numbers. `auto` takes the one unit in which the number lies between 2000 and a day after now;
            there is never more than one. A declared unit takes any number.
        form: `auto`, or the one form that is read and that nothing in the value gives away. `http`: only dates of
            HTTP and mail, asctime's among them. `jackson`: arrays [year, month, day, hour, minute, second, nanos].
            `oracle`: 15-JAN-24 10.30.00 AM. `filetime`, `dotnet_ticks`: 100 ns since 1601 and 0001. `webkit`: us since
            1601. `cocoa`: s since 2001. `gps`: s since 1980-01-06, leap seconds counted. `excel`: days since
            1899-12-30. `julian`: Julian days. `objectid`, `ulid`, `uuidv7`, `snowflake` (Twitter's), `discord`: the
            time in an identifier.
        assume_tz: zone of values that name none: `UTC`, a name of the IANA database, or +HH:MM.
        ambiguous: a local time that the zone's clocks show twice. One that they skip is always refused.
        date_only: a date without a time: refused, or midnight in `assume_tz`.
        earliest: instants before it are refused; ISO 8601. The default is the year 1.
        latest: instants after it are refused. The default is the end of 9999.
        leap_second: a second 60. `next_second`: the second after, as POSIX counts, and only where UTC can have one;
            `clamp`: second 59; `roll`: the second after, anywhere.
        end_of_day: 24:00:00, the next day's midnight.
        fraction: what is below a microsecond: `truncate` towards the past, `round` to the nearest, or `nanoseconds`:
            truncate, but refuse more than nine digits.
        unknown_offset: -00:00, which RFC 3339 makes UTC in an unknown zone.
        lenient: take basic and extended ISO 8601 in one text, such as 2024-01-15T103000Z.
        trim: take white space off.
        sentinels: see Sentinels.
    """

    unit: Literal["auto", "s", "ms", "us", "ns"] = "auto"
    form: Literal[
        "auto",
        "http",
        "jackson",
        "oracle",
        "filetime",
        "dotnet_ticks",
        "webkit",
        "cocoa",
        "gps",
        "excel",
        "julian",
        "objectid",
        "ulid",
        "uuidv7",
        "snowflake",
        "discord",
    ] = "auto"
    assume_tz: str | None = None
    ambiguous: Literal["refuse", "earlier", "later"] = "refuse"
    date_only: Literal["refuse", "midnight"] = "refuse"
    earliest: str | None = None
    latest: str | None = None
    leap_second: Literal["next_second", "clamp", "roll", "refuse"] = "next_second"
    end_of_day: Literal["accept", "refuse"] = "accept"
    fraction: Literal["truncate", "round", "nanoseconds"] = "truncate"
    unknown_offset: Literal["utc", "refuse"] = "utc"
    lenient: bool = False
    trim: bool = False
    sentinels: Sentinels = Sentinels()


class TimestampRefused(ValueError):
    """The value means no instant, or several.

    Attributes:
        code: why. `timestamp_invalid` (no form that is read), `timestamp_too_long`, `timestamp_no_zone`,
            `timestamp_date_only`, `timestamp_not_in_calendar`, `timestamp_bad_offset`, `timestamp_weekday` (not that
            of the date), `timestamp_leap_second`, `timestamp_end_of_day`, `timestamp_unknown_zone`,
            `timestamp_zone_mismatch` (with the offset), `timestamp_gap`, `timestamp_ambiguous`, `timestamp_fraction`,
            `timestamp_unit_unclear`, `timestamp_inexact` (a float that has lost digits), `timestamp_sentinel`,
            `timestamp_out_of_range`, or `type_mismatch`.
    """

    code: str

    def __init__(self, code: str) -> None:
        super().__init__(f"not one instant: {code}\n  hint: a TimestampPolicy says what else is read")
        self.code = code


class Timestamps:
    """What became of a list of values."""

    def __init__(self, instants: Instants) -> None:
        """Take what the native reader made."""
        self._instants = instants

    @property
    def micros(self) -> memoryview:
        """Microseconds since 1970-01-01 UTC as int64, without a copy. None and refused values are `NULL`."""
        return memoryview(self._instants).cast("q")

    @property
    def refused(self) -> list[tuple[int, str]]:
        """Index and code of each refused value."""
        return self._instants.refused

    @property
    def tally(self) -> dict[str, int]:
        """How values were written (`text`, `s`, `ms`, `us`, `ns`, `other`) and what was special, with counts."""
        return self._instants.tally

    def to_list(self) -> list[datetime | None]:
        """Make datetimes in UTC, with None for what is none."""
        return [None if micros == NULL else _datetime(micros) for micros in self.micros]

    def __len__(self) -> int:
        """Count the values, refused ones included."""
        return len(self._instants)


def normalize_timestamp(
    value: object, policy: TimestampPolicy | None = None, *, now_us: int | None = None
) -> datetime | None:
    """Make the instant that `value` means, in UTC and cut to microseconds.

    Args:
        value: what JSON makes of a timestamp: str, int, float, Decimal, dict or list. A float counts as it is
            printed; of 2^53 and above it is refused. None gives None, a datetime or date counts as its isoformat.
        policy: how to read it.
        now_us: bounds what a bare number may mean, microseconds since 1970 UTC; by default this moment.

    Raises:
        TimestampRefused: it means no instant, or several.
        TypeError: a value of another type.
        datasync._native.PlanError: the policy can't be followed.
    """
    found = _reader(policy).read(value, _now(now_us))
    if isinstance(found, str):
        raise TimestampRefused(found)
    return None if found is None else _datetime(found)


def normalize_timestamps(
    values: Sequence[object], policy: TimestampPolicy | None = None, *, now_us: int | None = None
) -> Timestamps:
    """Make the instants of many values at once. Refused values are listed, and don't stop the others.

    Takes what `normalize_timestamp` takes, and raises the same but TimestampRefused.
    """
    listed = values if isinstance(values, list) else list(values)
    return Timestamps(_reader(policy).read_many(listed, _now(now_us)))


def check_policy(policy: TimestampPolicy) -> None:
    """Refuse a policy that can't be followed.

    Raises:
        datasync._native.PlanError: it names no zone that is known, or no moment.
    """
    _reader(policy)


@lru_cache(maxsize=64)
def _reader(policy: TimestampPolicy | None) -> TimestampReader:
    return TimestampReader(msgspec.json.encode(policy or TimestampPolicy()))


def _now(now_us: int | None) -> int:
    return time.time_ns() // 1000 if now_us is None else now_us


def _datetime(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
