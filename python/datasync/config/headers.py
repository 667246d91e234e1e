"""Names and values of HTTP headers that come from outside, and the headers of the token request."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from datasync.config.secret import Secret
from datasync.errors import ConfigError

MAX_NAME: Final = 128
MAX_VALUE: Final = 4096
"""Characters. Servers take 8 kB for all headers together."""

MAX_HEADERS: Final = 32

# RFC 9110: a field name is a token (section 5.1); these belong to one connection (section 7.6.1), frame the message, or
# decide how the body is encoded.
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RESERVED: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def usable_name(name: str) -> bool:
    """Whether a request may carry a header of this name that somebody else chose."""
    lower = name.lower()
    well_formed = len(name) <= MAX_NAME and _TOKEN.fullmatch(name) is not None
    return well_formed and lower not in _RESERVED and not lower.startswith("proxy-")


def usable_value(value: str) -> bool:
    """Whether `value` is visible ASCII (RFC 9110 section 5.5), not blank at its ends, and of a sane length."""
    return 0 < len(value) <= MAX_VALUE and value.isascii() and value.isprintable() and value == value.strip()


def parse_headers(text: str, *, source: str) -> Mapping[str, Secret]:
    """Give the headers in a JSON object like `{"X-Name": "value"}`. Blank text has none.

    Args:
        text: what somebody configured.
        source: where it comes from: named in errors, which never show a value.

    Raises:
        ConfigError: it is no such object, or a header can't be sent.
    """
    if not text.strip():
        return {}
    hint = f'{source} is a JSON object of names and values, like {{"X-Name": "value"}}'
    try:
        found = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeEncodeError) as error:
        # The cause may quote a part of the text.
        raise ConfigError(f"{source} can't be read: {type(error).__name__}", hint=hint) from None
    if len(found) > MAX_HEADERS or len({name.lower() for name in found}) < len(found):
        raise ConfigError(f"{source} has more than {MAX_HEADERS} headers, or one of them twice", hint=hint)
    for position, (name, value) in enumerate(found.items(), start=1):
        if not usable_name(name):
            raise ConfigError(
                f"{source}: the name of header {position} is malformed, or one that datasync must decide itself",
                hint=f"leave out {', '.join(sorted(_RESERVED))} and those that begin with proxy-",
            )
        if not usable_value(value):
            raise ConfigError(
                f"{source}: the value of `{name}` is empty, longer than {MAX_VALUE:,} characters, or has "
                "characters that an HTTP header can't carry",
                hint=hint,
            )
    return {name: Secret(value, source=source) for name, value in found.items()}
