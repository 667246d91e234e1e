"""JSON as a tree that knows the place of each value, and the flaws of the text beside it. Part of `tests.reference`."""

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

GRAMMAR = ("invalid_utf8", "control_character", "bad_escape", "bad_number")
"""Flaws that make a text something else than JSON."""

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}


class Broken(Exception):
    """The grammar is broken at a byte, or the text ends there."""

    def __init__(self, offset: int, *, early: bool) -> None:
        super().__init__(offset)
        self.offset = offset
        self.early = early


class Flaw(NamedTuple):
    """Something that spoils the record around it."""

    offset: int
    code: str


class Value(NamedTuple):
    """A value: `word` of a bare one, `text` of a string, `items` of an array, `members` of an object, all of them.

    `keys` are the places of the members' keys.
    """

    kind: str
    start: int
    end: int
    word: bytes = b""
    text: str | None = None
    items: "tuple[Value, ...]" = ()
    members: "tuple[tuple[str, Value], ...]" = ()
    keys: tuple[int, ...] = ()


class Parser:
    """Reads one text. `flaws` fills up on the way."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.pos = 0
        self.flaws: list[Flaw] = []

    def document(self, start: int) -> Value:
        """Read the only value, from `start` to the end."""
        self.pos = start
        value = self.value()
        self.blank()
        if self.pos < len(self.body):
            raise self.broken()
        return value

    def broken(self) -> Broken:
        return Broken(self.pos, early=self.pos >= len(self.body))

    def peek(self) -> bytes:
        return self.body[self.pos : self.pos + 1]

    def blank(self) -> None:
        while self.peek() and self.peek() in b" \t\r\n":
            self.pos += 1

    def take(self, byte: bytes) -> None:
        if self.peek() != byte:
            raise self.broken()
        self.pos += 1

    def value(self) -> Value:
        self.blank()
        start, first = self.pos, self.peek()
        if first == b'"':
            text = self.string()
            return Value("string", start, self.pos, text=text)
        if first == b"[":
            items: list[Value] = []
            while self.more(b"[]", first=not items):
                items.append(self.value())
            return Value("array", start, self.pos, items=tuple(items))
        if first == b"{":
            members: list[tuple[str, Value]] = []
            keys: list[int] = []
            while self.more(b"{}", first=not members):
                self.blank()
                if self.peek() != b'"':
                    raise self.broken()
                keys.append(self.pos)
                key = self.string()
                self.blank()
                self.take(b":")
                members.append((key, self.value()))
            return Value("object", start, self.pos, members=tuple(members), keys=tuple(keys))
        return self.bare()

    def more(self, brackets: bytes, *, first: bool) -> bool:
        """Step over an opening bracket, a comma or a closing bracket; False behind the last."""
        if first:
            self.take(brackets[:1])
        self.blank()
        if self.peek() == brackets[1:]:
            self.pos += 1
            return False
        if not first:
            self.take(b",")
        return True

    def bare(self) -> Value:
        start = self.pos
        while self.peek() and self.peek() not in b'\t\n\r ,:[]{}"':
            self.pos += 1
        word = self.body[start : self.pos]
        if not word:
            raise self.broken()
        if word not in (b"true", b"false", b"null"):
            self.number(start, word.decode(errors="replace"))
        return Value("bare", start, self.pos, word=word)

    def number(self, start: int, word: str) -> None:
        if not NUMBER.fullmatch(word):
            self.flaws.append(Flaw(start, "bad_number"))
            return
        try:
            number = Decimal(word)
        except InvalidOperation:  # beyond Decimal is beyond PostgreSQL
            self.flaws.append(Flaw(start, "number_out_of_range"))
            return
        before = number.adjusted() + 1 if number else 0
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int)
        if exponent >= 2**30 - 1 or before > 131_072 or -exponent > 16_383:
            self.flaws.append(Flaw(start, "number_out_of_range"))

    def string(self) -> str:
        start = self.pos
        self.pos += 1
        out = bytearray()
        while (byte := self.peek()) != b'"':
            if not byte:
                raise Broken(start, early=True)
            if byte == b"\\":
                out += self.escape().encode(errors="surrogatepass")
                continue
            if byte < b" ":
                self.flaws.append(Flaw(self.pos, "control_character"))
            out += byte
            self.pos += 1
        self.pos += 1
        return out.decode(errors="surrogatepass") if _decodes(out) else out.decode(errors="replace")

    def escape(self) -> str:
        start = self.pos
        letter = self.body[start + 1 : start + 2].decode(errors="replace")
        self.pos += 2
        if letter in SIMPLE:
            return SIMPLE[letter]
        unit = self.unit(start)
        if unit is None:
            self.flaws.append(Flaw(start, "bad_escape"))
            return "?"
        self.pos = start + 6
        low = self.unit(start + 6)
        if 0xD800 <= unit < 0xDC00 and low is not None and 0xDC00 <= low < 0xE000:
            self.pos = start + 12
            return chr(0x10000 + (unit - 0xD800) * 0x400 + (low - 0xDC00))
        if unit == 0:
            self.flaws.append(Flaw(start, "nul_character"))
        if 0xD800 <= unit < 0xE000:
            self.flaws.append(Flaw(start, "lone_surrogate"))
        return chr(unit)

    def unit(self, at: int) -> int | None:
        """The number in the `\\u` escape at `at`."""
        found = re.fullmatch(rb"\\u([0-9A-Fa-f]{4})", self.body[at : at + 6])
        return int(found[1], 16) if found else None


def utf8_flaws(raw: bytes, start: int) -> list[Flaw]:
    """The first byte of `raw` that isn't UTF-8, if any. `raw` stands at `start`."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return [Flaw(start + error.start, "invalid_utf8")]
    return []


def _decodes(out: bytearray) -> bool:
    try:
        out.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
