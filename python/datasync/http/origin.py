"""Which server a URL means. Credentials go to the configured one, and links are followed on it only."""

import re
from ipaddress import ip_address
from typing import Final

import httpx
import msgspec

from datasync.errors import ContractChanged
from datasync.http.transport import Answer

MAX_LINK: Final = 8192
"""Characters of a link; longer URLs no server takes."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# A link that begins like an absolute one, and whether it names a server as one must: httpx reads `https:///x` and
# `https:x` as paths, browsers as servers.
_ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_NAMES_SERVER: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//[^/?#]", re.IGNORECASE)


class Origin(msgspec.Struct, frozen=True):
    """Scheme, host and port of a URL (RFC 6454): two URLs with the same origin lead to the same server.

    Attributes:
        scheme, host: in lower case; an international name in its ASCII form.
        port: None is the unknown default of a scheme that isn't http or https.
    """

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, url: httpx.URL | str) -> "Origin":
        """Give the origin of an absolute URL, as httpx reads it: what is checked is what a request would use.

        Raises:
            httpx.InvalidURL: it is none.
        """
        url = httpx.URL(url)
        scheme = url.scheme.lower()
        return cls(scheme, url.raw_host.decode("ascii").lower(), url.port or _DEFAULT_PORTS.get(scheme))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port in (None, _DEFAULT_PORTS.get(self.scheme)) else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def exposed(self) -> bool:
        """Whether what is sent there crosses a network unencrypted."""
        return self.scheme != "https" and not _loopback(self.host)


def same_origin(base: str, link: str) -> str:
    """Give the absolute URL that `link`, from an answer, means on the page `base`.

    What programs read in different ways is refused, even where httpx would stay on the same server.

    Raises:
        ContractChanged: it leads to another origin, which is all that the message tells of it; or it is malformed.
    """
    well_formed = link.isascii() and link.isprintable() and "\\" not in link and " " not in link
    if not 0 < len(link) <= MAX_LINK or not well_formed or (_ABSOLUTE.match(link) and not _NAMES_SERVER.match(link)):
        raise ContractChanged("the API gave a link that is empty, malformed or too long")
    try:
        url = httpx.URL(base).join(link)
        found, wanted = Origin.of(url), Origin.of(base)
    except (httpx.InvalidURL, ValueError) as error:
        raise ContractChanged("the API gave a link that is no URL") from error
    if found != wanted:
        raise ContractChanged(
            f"the API gave a link to another origin: {found} instead of {wanted}",
            hint="it was not followed, because the key is for that server only",
        )
    if url.userinfo or url.fragment:
        raise ContractChanged("the API gave a link with a user, a password or a fragment in it")
    return str(url)


def refuse_redirect(answer: Answer, *, where: str) -> None:
    """Raise if `answer` sends to another place.

    Raises:
        ContractChanged: naming the origin that it sends to, and not more: the rest of the URL may hold secrets.
    """
    location = answer.headers.get("location")
    if not 300 <= answer.status < 400 or location is None:
        return
    try:
        url = httpx.URL(location)
        # Without a scheme it is of the form //host.
        target = f"to {str(Origin.of(url)).removeprefix(':')[:200]}" if url.host else "to another path"
    except (httpx.InvalidURL, ValueError):
        target = "to a place that is no URL"
    raise ContractChanged(
        f"{where}: {answer.status}, a redirect {target}; it was not followed",
        hint="if the API has moved, set its base URL to where it is now: the key is sent to that server only",
    )


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 section 6.3
