"""A string that no output shows."""


class Secret:
    """A string that no output shows: its repr and str are masked, and it is not a str.

    Attributes:
        source: where it came from, for error messages: an environment variable's name, `${NAME}` or `file PATH` for
            what a configuration file refers to, else the key's path there. May be left out.
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: str, *, source: str = "") -> None:
        self._value = value
        self.source = source

    def reveal(self) -> str:
        """The value itself. Call it only where it is handed to a library."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret(source={self.source!r})"

    __str__ = __repr__
