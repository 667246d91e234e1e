"""Structured fields (RFC 9651): the `RateLimit` pair of the IETF, and lists such as `100, 100;w=60`."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import http_sf

from datasync.limits.claims import Claim
from datasync.limits.quota import Quota, Unit
from datasync.limits.reset import Reset
from datasync.limits.values import readable

Item: TypeAlias = tuple[object, Mapping[str, object]]
"""A value and its parameters."""

SOURCE = "ietf"

_UNITS: dict[object, Unit] = {
    "requests": "requests",
    "content-bytes": "bytes",
    "concurrent-requests": "concurrent",
}


@lru_cache(maxsize=256)
def items(value: str) -> tuple[Item, ...]:
    """Read a List of Items. What isn't one, to the letter, is empty; so are the inner lists in one."""
    if not readable(value):
        return ()
    try:
        found = http_sf.parse(value.encode("ascii"), tltype="list")
    except (ValueError, OverflowError):  # OverflowError: a Date out of range
        return ()
    assert isinstance(found, list)
    return tuple(one for one in found if isinstance(one, tuple) and not isinstance(one[0], list))


def amount(value: object) -> float | None:
    """Give an Integer or Decimal that isn't negative."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and value >= 0:
        return float(value)
    return None


def claims(headers: Mapping[str, str]) -> Iterator[Claim]:
    """Read `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers, -07 and later).

    A policy without a current state is given as well, and a state without a policy. Where one is there twice the more
    restrictive counts.
    """
    policies = _policies(headers.get("ratelimit-policy", ""))
    value = headers.get("ratelimit", "")
    states = _states(value) or _state_of_draft_07(value, policies)
    for name in policies | states:
        policy, state = policies.get(name, _Policy()), states.get(name, _State())
        quota = Quota(name, policy.unit, policy.limit, state.remaining, policy.window, source=SOURCE)
        yield Claim(quota, None if state.seconds is None else Reset(state.seconds, 1.0))


class _Policy(NamedTuple):
    limit: float | None = None
    window: float | None = None
    unit: Unit = "requests"


class _State(NamedTuple):
    remaining: float | None = None
    seconds: float | None = None


def _policies(value: str) -> dict[str, _Policy]:
    found: dict[str, _Policy] = {}
    for item, params in items(value):
        # Before draft -08 a policy was the number itself.
        limit = amount(params.get("q")) if isinstance(item, str) else amount(item)
        if limit is None:
            continue
        name = item if isinstance(item, str) else ""
        policy = _Policy(limit, amount(params.get("w")), _UNITS.get(params.get("qu", "requests"), "cost"))
        found[name] = min(found.get(name, policy), policy, key=lambda one: one.limit or 0.0)
    return found


def _states(value: str) -> dict[str, _State]:
    found: dict[str, _State] = {}
    for item, params in items(value):
        remaining, seconds = amount(params.get("r")), amount(params.get("t"))
        if not isinstance(item, str) or remaining is None:
            continue
        if earlier := found.get(item):
            remaining = min(remaining, earlier.remaining or 0.0)
            seconds = max((one for one in (seconds, earlier.seconds) if one is not None), default=None)
        found[item] = _State(remaining, seconds)
    return found


def _state_of_draft_07(value: str, policies: dict[str, _Policy]) -> dict[str, _State]:
    """Read draft -07's `limit=100, remaining=50, reset=30`, and give its limit to `policies` if they have none."""
    members = dictionary(value)
    remaining = amount(members.get("remaining"))
    if remaining is None:
        return {}
    limit = amount(members.get("limit"))
    if "" not in policies and limit is not None:
        policies[""] = _Policy(limit)
    return {"": _State(remaining, amount(members.get("reset")))}


def dictionary(value: str) -> dict[str, object]:
    """Read the members of a Dictionary that are Items. What isn't one, to the letter, is empty."""
    if "=" not in value or not readable(value):
        return {}
    try:
        found = http_sf.parse(value.encode("ascii"), tltype="dictionary")
    except (ValueError, OverflowError):
        return {}
    assert isinstance(found, dict)
    return {name: one[0] for name, one in found.items() if isinstance(one, tuple)}
