"""Headers of the common kind: one header for each number, such as `X-RateLimit-Limit`, `-Remaining` and `-Reset`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from datasync.limits.claims import Claim
from datasync.limits.dialects import dialect_of
from datasync.limits.durations import duration
from datasync.limits.names import Field, Role
from datasync.limits.quota import Quota
from datasync.limits.reset import Reset, read_reset
from datasync.limits.structured import amount, items
from datasync.limits.values import lines, number, numbers


class _Budget:
    """The headers of one bucket of one family."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.values: dict[Role, list[tuple[Field, str]]] = {}

    def smallest(self, role: Role) -> float | None:
        return min((one for _, value in self.values.get(role, ()) for one in _amounts(value)), default=None)

    def largest(self, role: Role) -> float | None:
        return max((one for _, value in self.values.get(role, ()) for one in _amounts(value)), default=None)


def claims(fields: Iterable[tuple[Field, str]], headers: Mapping[str, str]) -> Iterator[Claim]:
    """Put together what belongs together, in the order of the headers.

    Args:
        fields: the headers whose names speak of a budget, with their values.
        headers: all of the answer.
    """
    budgets: dict[tuple[str, str], _Budget] = {}
    called: dict[tuple[str, str], str] = {}
    for field, value in fields:
        key = field.family, field.bucket
        if field.role == "name":
            called[key] = value.strip()
        else:
            budgets.setdefault(key, _Budget(field)).values.setdefault(field.role, []).append((field, value))
    for (family, bucket), budget in budgets.items():
        # `-Endpoint-Name` names `-Endpoint-Requests-*` too.
        name = called.get((family, bucket)) or called.get((family, bucket.partition("-")[0]), "")
        yield from _claims(budget, ":".join(filter(None, (bucket, name))), headers)


def _claims(budget: _Budget, bucket: str, headers: Mapping[str, str]) -> Iterator[Claim]:
    family = budget.field.family
    dialect = dialect_of(family, headers.keys())
    listed = [policy for _, value in budget.values.get("limit", ()) if ";" in value for policy in _policies(value)]
    if family == "ratelimit" and "ratelimit" not in headers:
        listed += _policies(headers.get("ratelimit-policy", ""))
    limit = _limit(budget, listed)
    own = next((policy for policy in listed if policy.limit == limit and policy.window), None)
    remaining, used = budget.smallest("remaining"), budget.largest("used")
    if used is not None and remaining is None and limit is not None:
        remaining = max(0.0, limit - used)
    elif used is not None and remaining is not None and limit is None:
        limit = used + remaining
    quota = Quota(
        (own and own.name) or bucket,
        budget.field.unit,
        None if dialect.rate else limit,
        remaining,
        _window(budget) or (own.window if own else budget.field.window),
        full=dialect.full,
        rate=limit if dialect.rate else None,
        source=dialect.name,
    )
    # Who writes windows in the limit follows the draft, where a reset is seconds left.
    yield Claim(quota, _reset(budget, seconds=dialect.seconds or own is not None))
    for policy in dict.fromkeys(listed):
        if policy.window and (own is None or (policy.limit, policy.window) != (own.limit, own.window)):
            yield Claim(
                Quota(policy.name or bucket, quota.unit, policy.limit, window=policy.window, source=dialect.name)
            )


class _Policy(NamedTuple):
    limit: float
    window: float | None
    name: str


def _policies(value: str) -> Iterator[_Policy]:
    """Read `10, 10;w=1;name="per-ip", 1000;w=3600`: the number that counts now, then the policies."""
    for item, params in items(value):
        if limit := amount(item):
            name = params.get("name")
            yield _Policy(limit, amount(params.get("w", params.get("window"))), name if isinstance(name, str) else "")


def _limit(budget: _Budget, listed: list[_Policy]) -> float | None:
    plain = [number for _, value in budget.values.get("limit", ()) if ";" not in value for number in numbers(value)]
    plain += [policy.limit for policy in listed if policy.window is None]
    return min(plain, default=listed[0].limit if listed else None) or None


def _amounts(value: str) -> list[float]:
    if ";" not in value:
        return numbers(value)
    return [found for item, _ in items(value) if (found := amount(item)) is not None]


def _window(budget: _Budget) -> float | None:
    lengths = [
        number * field.scale if number is not None else duration(text)
        for field, value in budget.values.get("window", ())
        for text, number in _numbered(value)
    ]
    return max((length for length in lengths if length), default=None)


def _numbered(value: str) -> Iterator[tuple[str, float | None]]:
    for text in lines(value):
        yield text, number(text)


def _reset(budget: _Budget, *, seconds: bool) -> Reset | None:
    """Read the reset that says most: one that is known to be seconds, one of a clear form, the longest."""
    after = [read_reset(text, seconds=True) for _, value in budget.values.get("after", ()) for text in lines(value)]
    plain = [read_reset(text, seconds=seconds) for _, value in budget.values.get("reset", ()) for text in lines(value)]
    found = [one for one in after if one] or [one for one in plain if one]
    found = [one for one in found if one.clear] or found
    alike = [one for one in found if one.absolute == found[0].absolute]
    return max(alike, key=lambda one: one.seconds, default=None)
