"""Headers with a syntax of their own: several numbers in one value."""

import re
from collections.abc import Callable, Iterator

from datasync.limits.claims import Claim
from datasync.limits.quota import Quota
from datasync.limits.reset import read_reset
from datasync.limits.values import number

ZENDESK = "zendesk-ratelimit-"
"""What follows is the endpoint."""

DAY = 86_400.0

_USED = re.compile(r"(?:([a-z-]{1,50})=)?([0-9]{1,15})/([0-9]{1,15})")
"""`32/40`, or `api-usage=25/5000`."""


def reader(name: str) -> Callable[[str], Iterator[Claim]] | None:
    """Give what reads the values of a header of this name, if it is one of these."""
    if name.startswith(ZENDESK):
        return lambda value: _zendesk(name.removeprefix(ZENDESK), value)
    return _READERS.get(name)


def _shopify(value: str) -> Iterator[Claim]:
    """Read used/limit of a bucket that leaks."""
    for _, used, limit in _USED.findall(value):
        yield Claim(_used("", used, limit, "shopify"))


def _salesforce(value: str) -> Iterator[Claim]:
    """Read used/limit of the last 24 hours."""
    for bucket, used, limit in _USED.findall(value):
        yield Claim(_used(bucket, used, limit, "salesforce", window=DAY))


def _used(bucket: str, used: str, limit: str, source: str, window: float | None = None) -> Quota:
    most = float(limit)
    return Quota(bucket, "requests", most or None, max(0.0, most - float(used)), window, source=source)


def _sentry(value: str) -> Iterator[Claim]:
    """Read `seconds:categories:scope`, several joined by commas. They tell what is closed, for how long."""
    for entry in value.split(","):
        wait, _, rest = entry.strip().partition(":")
        reset = read_reset(wait, seconds=True)
        if reset:
            for category in rest.partition(":")[0].split(";"):
                yield Claim(Quota(category, remaining=0.0, source="sentry"), reset)


def _zendesk(endpoint: str, value: str) -> Iterator[Claim]:
    """Read `total=100; remaining=99; resets=41`."""
    pairs = dict(re.findall(r"([a-z]{1,20})=([^;, ]{1,20})", value))
    limit, remaining = number(pairs.get("total", "")), number(pairs.get("remaining", ""))
    if limit or remaining is not None:
        reset = read_reset(pairs.get("resets", ""), seconds=True)
        yield Claim(Quota(endpoint, "requests", limit or None, remaining, source="zendesk"), reset)


_READERS: dict[str, Callable[[str], Iterator[Claim]]] = {
    "x-shopify-shop-api-call-limit": _shopify,
    "sforce-limit-info": _salesforce,
    "x-sentry-rate-limits": _sentry,
}
