"""Whose headers they are, where something in the answer gives it away, and what is known of them then."""

from collections.abc import Collection

import msgspec


class Dialect(msgspec.Struct, frozen=True):
    """The headers of one API, or of one kind of server.

    Attributes:
        name: what a Quota gives as its source.
        family: see names.Field.
        marks: headers of which one must be there; none if the family is theirs alone.
        seconds: a small number in a reset is seconds left.
        full: a reset is when everything is free again.
        rate: a limit is a rate per second.
    """

    name: str
    family: str
    marks: tuple[str, ...] = ()
    seconds: bool = False
    full: bool = False
    rate: bool = False


# The order counts: GitHub has all of Reddit's headers.
DIALECTS = (
    Dialect("discord", "x-ratelimit", ("x-ratelimit-reset-after", "x-ratelimit-bucket")),
    Dialect("github", "x-ratelimit", ("x-ratelimit-resource",)),
    Dialect("datadog", "x-ratelimit", ("x-ratelimit-period",), seconds=True),
    Dialect("jira", "x-ratelimit", ("x-ratelimit-nearlimit",)),
    Dialect("reddit", "x-ratelimit", ("x-ratelimit-used",), seconds=True),
    Dialect("openai", "x-ratelimit", ("x-ratelimit-limit-requests", "x-ratelimit-limit-tokens"), full=True),
    Dialect("linear", "x-ratelimit", ("x-ratelimit-requests-limit", "x-ratelimit-complexity-limit")),
    Dialect("gitlab", "ratelimit", ("ratelimit-observed", "ratelimit-resettime")),
    Dialect("docker", "ratelimit", ("docker-ratelimit-source",)),
    # draft-ietf-httpapi-ratelimit-headers up to -06: seconds, by its text
    Dialect("ietf-draft-06", "ratelimit", seconds=True),
    Dialect("anthropic", "anthropic-ratelimit", full=True),
    Dialect("hubspot", "x-hubspot-ratelimit"),
    Dialect("amazon", "x-amzn-ratelimit", rate=True),
    Dialect("azure", "x-ms-ratelimit"),
)


def dialect_of(family: str, names: Collection[str]) -> Dialect:
    """Find the dialect of a family of headers in an answer that has headers of these names."""
    for dialect in DIALECTS:
        if dialect.family == family and (not dialect.marks or any(mark in names for mark in dialect.marks)):
            return dialect
    return Dialect(family, family)
