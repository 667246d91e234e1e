"""The simulated events: a function of (seed, count), 16 bytes stored per event, everything else derived from those."""

from __future__ import annotations

import random
import struct
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Literal

from datasync.simulator.people import People

NEWEST_MS = 1_769_541_612_369

# 3,000,000 events in 30.03 days are 864.864 ms apart; a fraction keeps every timestamp exact integer arithmetic.
SPACING_MS = (108_108, 125)

#: Where in time a crowd of events is; `none` spreads them evenly.
Crowd = Literal["none", "newest", "middle", "oldest"]

# Of twenty events 18 lie in the crowd, in a twentieth of the time: it is 171 times as dense as the rest.
_THIN = 171
_BEFORE_CROWD = {"newest": 0, "middle": 1, "oldest": 2}

TYPE_COUNTS = {
    "page_view": 1_050_459,
    "click": 749_415,
    "api_call": 300_487,
    "form_submit": 299_557,
    "scroll": 150_594,
    "purchase": 150_087,
    "error": 149_884,
    "video_play": 149_517,
}
PAGES = ("/home", "/cart", "/blog", "/help", "/docs", "/deal", "/shop", "/user")

# Type (16 bits), page (8) and session (32) are read from the bits of the id that are random.
_DERIVED = struct.Struct("<4xHxB4xI")
_VERSION = bytes((byte & 0x0F) | 0x40 for byte in range(256))
_VARIANT = bytes((byte & 0x3F) | 0x80 for byte in range(256))
_CHUNK = 1 << 16
_DIGIT_PLACES = [place for place in range(36) if place not in (8, 13, 18, 23)]


def _type_table() -> list[str]:
    """Spread 16 bits over the event types in the proportions seen."""
    total = sum(TYPE_COUNTS.values())
    table: list[str] = []
    for name, reached in zip(TYPE_COUNTS, accumulate(TYPE_COUNTS.values()), strict=True):
        table += [name] * (reached * 65_536 // total - len(table))
    return table


def _uuid_texts(raw: bytearray) -> str:
    """Write ids in their usual form, 36 characters each, one behind the other.

    All ids at once, character by character of their form: a third of the time of cutting each id into its groups.
    """
    digits, texts = raw.hex().encode(), bytearray(b"-" * (len(raw) // 16 * 36))
    for digit, place in enumerate(_DIGIT_PLACES):
        texts[place::36] = digits[digit::32]
    return texts.decode()


class Dataset:
    """Events in the order of the API: timestamp descending, ties by id descending. An event's index is its place in it.

    Every 1000th event and every index of 9 modulo 16 shares the timestamp of its predecessor, so that ties also fall on
    page borders; every index of 2 modulo 8 falls on a whole second, so that it can be told in epoch seconds exactly.

    With a crowd 90 % of the events lie in 5 % of the time, and none is moved to a whole second.
    """

    def __init__(self, seed: int, count: int, crowd: Crowd = "none") -> None:
        rng = random.Random(f"datasync/{seed}")
        self.seed = seed
        self.count = count
        self.crowd = crowd
        if crowd != "none":
            begins = _BEFORE_CROWD[crowd] * count // 20
            self._crowd = range(begins, begins + count * 18 // 20)
        # Two people per thousand events would leave the smallest sets without any, hence the floor of one.
        self.people = People(rng, users=max(1, count // 1_000), sessions=max(1, count // 50))
        raw = bytearray().join(rng.randbytes(16 * min(_CHUNK, count - at)) for at in range(0, count, _CHUNK))
        raw[6::16] = raw[6::16].translate(_VERSION)
        raw[8::16] = raw[8::16].translate(_VARIANT)
        self._raw = raw
        self._order_ties()
        types = _type_table()
        self._types = types
        self._type_text = [f'","type":"{name}","name":"event_' for name in types]
        self._page_text = [
            f'","properties":{{"page":"{PAGES[byte % len(PAGES)]}"}},"timestamp":' for byte in range(256)
        ]

    def _order_ties(self) -> None:
        candidates = (range(9, self.count, 16), range(1_000, self.count, 1_000), range(2, self.count, 8))
        for index in (index for candidate in candidates for index in candidate):
            if self.timestamp_ms(index) == self.timestamp_ms(index - 1):
                at = index * 16
                above, below = self._raw[at - 16 : at], self._raw[at : at + 16]
                if above < below:
                    self._raw[at - 16 : at + 16] = below + above

    def _age_ms(self, index: int) -> int:
        """Give how much older than the newest an event is, where there is a crowd."""
        numerator, denominator = SPACING_MS
        inside = min(max(index, self._crowd.start), self._crowd.stop) - self._crowd.start
        return ((index - inside) * _THIN + inside) * numerator // (denominator * 18)

    def timestamp_ms(self, index: int) -> int:
        """Give the true time of an event in epoch ms."""
        numerator, denominator = SPACING_MS
        if index % 16 == 9 or (index % 1_000 == 0 and index):
            index -= 1
        elif index % 8 == 2 and self.crowd == "none":
            return (NEWEST_MS - (index - 1) * numerator // denominator) // 1_000 * 1_000
        if self.crowd != "none":
            return NEWEST_MS - self._age_ms(index)
        return NEWEST_MS - index * numerator // denominator

    def id(self, index: int) -> str:
        """Give the uuid of an event in its usual form."""
        text = self._raw[index * 16 : index * 16 + 16].hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def ids(self) -> list[str]:
        """Give all ids in the order of the API."""
        text = _uuid_texts(self._raw)
        return [text[at : at + 36] for at in range(0, len(text), 36)]

    def event(self, index: int) -> dict[str, Any]:
        """Give the truth about an event, its timestamp in epoch ms."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        kind, page, number = _DERIVED.unpack_from(self._raw, index * 16)
        session = self.people.session(number % self.people.sessions)
        return {
            "id": self.id(index),
            "sessionId": session["id"],
            "userId": session["userId"],
            "type": self._types[kind],
            "name": f"event_{self._raw[index * 16 : index * 16 + 3].hex()}",
            "properties": {"page": PAGES[page % len(PAGES)]},
            "timestamp": self.timestamp_ms(index),
            "session": {key: session[key] for key in ("id", "deviceType", "browser")},
        }

    def find(self, ts: int, id: str) -> int:
        """Give the index at which a chain goes on after (ts, id), which need not exist; `count` when none is left."""
        wanted = (ts, id.lower())
        return bisect_left(
            range(self.count), True, key=lambda index: (self.timestamp_ms(index), self.id(index)) < wanted
        )

    def first_until(self, ts: int) -> int:
        """Give the index of the newest event that is not newer than ts."""
        return bisect_left(range(self.count), True, key=lambda index: self.timestamp_ms(index) <= ts)

    def index_of(self, id: str) -> int | None:
        """Give the index of an id, None if there is no such event. Scans the ids: meant for single look-ups."""
        try:
            wanted = bytes.fromhex(id.replace("-", ""))
        except ValueError:
            return None
        at = self._raw.find(wanted) if len(wanted) == 16 else -1
        while at >= 0 and at % 16:
            at = self._raw.find(wanted, at + 1)
        return at // 16 if at >= 0 else None

    def timestamps(self, start: int, stop: int) -> list[int]:
        """Give the true times of a range of events in epoch ms."""
        if self.crowd != "none":
            return [self.timestamp_ms(index) for index in range(start, stop)]
        numerator, denominator = SPACING_MS
        values = [NEWEST_MS - index * numerator // denominator for index in range(start, stop)]
        # Only one event in five is off the regular spacing, and calling for each would cost half as much as rendering.
        for residue, modulus in ((2, 8), (9, 16), (0, 1_000)):
            for index in range(start + (residue - start) % modulus, stop, modulus):
                values[index - start] = self.timestamp_ms(index)
        return values

    def _derived(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        return _DERIVED.iter_unpack(self._raw[start * 16 : stop * 16])

    def heads(self, start: int, stop: int) -> list[str]:
        """Render a range of events as JSON up to the value of `timestamp`."""
        text = _uuid_texts(self._raw[start * 16 : stop * 16])
        types, pages, sessions, people = self._type_text, self._page_text, self.people.heads, self.people.sessions
        return [
            f'{{"id":"{text[k : k + 36]}{sessions[number % people]}{types[kind]}{text[k : k + 6]}{pages[page]}'
            for k, (kind, page, number) in zip(range(0, len(text), 36), self._derived(start, stop), strict=True)
        ]

    def tails(self, start: int, stop: int) -> list[str]:
        """Render a range of events as JSON from behind the value of `timestamp`."""
        sessions, people = self.people.tails, self.people.sessions
        return [sessions[number % people] for _, _, number in self._derived(start, stop)]
