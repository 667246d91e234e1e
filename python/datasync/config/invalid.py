"""What is raised for a value that makes no sense."""

from datasync.errors import ConfigError


class InvalidSpec(ConfigError, ValueError):
    """A struct of the configuration has a value that makes no sense.

    A ValueError too, so that msgspec says where in a file it was.

    Attributes:
        key: of the value, or its path in the configuration.
        wrong: what is wrong with it.
    """

    def __init__(self, key: str, wrong: str, *, hint: str | None = None) -> None:
        super().__init__(f"{key}: {wrong}", hint=hint)
        self.key = key
        self.wrong = wrong
