"""Bytes behind an answer: its end is not where its headers say, or they are an answer to nobody's request."""

import ssl
from typing import Any, Final

import httpx

MOST: Final = 4096
"""Bytes of it that are looked at, on an encrypted connection."""


def drop_leftover(response: httpx.Response) -> bool:
    """Whether the connection has bytes behind an answer that was read to its end and is not closed yet.

    The connection then takes no further request: it would read them as the next answer. A line break is no loss, and
    said to be none. Bytes that are still on their way are not seen; httpx gives up a connection at rest that they
    reach.
    """
    state = _state(response)
    rest = b"" if state is None else bytes(state.trailing_data[0]) or _encrypted(response)
    if rest:
        state.send_failed()  # httpcore closes a connection that is in this state
    return bool(rest.strip(b"\r\n"))


def _state(response: httpx.Response) -> Any:
    # None of this is public, and httpx has no other way to it. A version that is built otherwise loses this check and
    # nothing else; tests/contract/test_http_leftover.py notices.
    try:
        stream: Any = response.stream
        state = stream._stream._httpcore_stream._stream._connection._h11_state  # noqa: SLF001
        state.trailing_data[0], state.send_failed
    except (AttributeError, LookupError, TypeError):
        return None
    return state


def _encrypted(response: httpx.Response) -> bytes:
    # A record of TLS that came along is not decrypted before somebody reads.
    try:
        connection = response.extensions["network_stream"].get_extra_info("ssl_object")
        return b"" if connection is None else bytes(connection.read(MOST))
    except (ssl.SSLError, AttributeError, LookupError):
        return b""
