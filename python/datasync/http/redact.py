"""Takes secrets out of URLs in texts that others wrote: log lines and exceptions of libraries.

It goes by names, so that it finds secrets that nobody told us; `config.Masker` goes by values. Cursors stay: they open
nothing without the key, the checkpoint holds them, and a stalled run is understood by them.
"""

import logging
import re
from typing import Final
from urllib.parse import unquote_plus

from datasync.config.mask import MASK

LOGGERS: Final = (
    "httpx",  # INFO shows whole URLs
    "httpcore",  # DEBUG shows headers
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.proxy",
    "httpcore.socks",
)

_SECRET_NAME: Final = re.compile(
    r"key|token|secret|passw|pwd|passphrase|signature|(?:^|[^a-z])sig(?:$|[^a-z])|auth|credential|session|jwt|(?:^|[^a-z])code$",
    re.IGNORECASE,
)
_USERINFO: Final = re.compile(r"(?<=://)[^\s/?#\"'<>]*@")
_PARAMETER: Final = re.compile(r"(?<=[?&;#])([^=&;#?\s\"'<>]{1,200})=([^&;#\s\"'<>]*)")


def redact(text: str) -> str:
    """Give `text` with users and passwords in URLs replaced, and the values of query parameters with telling names."""
    text = _USERINFO.sub(f"{MASK}@", text)
    return _PARAMETER.sub(_parameter, text)


def describe(error: BaseException) -> str:
    """Give an exception's message without secrets in URLs, or its type if it has none."""
    return redact(str(error)) or type(error).__name__


def quieten() -> None:
    """Let httpx and httpcore log warnings only, and those redacted, whoever takes them."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.addFilter(_redacted)  # a logger keeps the same filter once


def _parameter(found: "re.Match[str]") -> str:
    name, value = found.groups()
    return f"{name}={MASK if value and _SECRET_NAME.search(unquote_plus(name)) else value}"


def _redacted(record: logging.LogRecord) -> bool:
    record.msg, record.args = redact(record.getMessage()), None
    return True
