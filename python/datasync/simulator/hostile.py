"""Rate headers as a broken or hostile server may send them; none may stop, spin or crash a client."""

from __future__ import annotations

from typing import NamedTuple


class Hostile(NamedTuple):
    """One kind of bad headers.

    Attributes:
        name: for the report.
        always: headers of every answer.
        refusal: headers of a refusal besides.
    """

    name: str
    always: dict[str, str]
    refusal: dict[str, str]


def _trio(limit: str, remaining: str, reset: str) -> dict[str, str]:
    return {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": reset}


HOSTILE = (
    Hostile("Remaining 1e12", _trio("1000000000000", "1000000000000", "1"), {"Retry-After": "1"}),
    Hostile("Remaining 1e12 in exponents", _trio("1e12", "1e12", "1"), {"Retry-After": "1"}),
    Hostile("Reset -5", _trio("10", "0", "-5"), {"Retry-After": "-5"}),
    Hostile("NaN", _trio("NaN", "NaN", "NaN"), {"Retry-After": "NaN"}),
    Hostile("infinity", _trio("inf", "inf", "inf"), {"Retry-After": "inf"}),
    Hostile("1e308", _trio("1e308", "1e308", "1e308"), {"Retry-After": "1e308"}),
    Hostile("2^63", _trio(str(2**63), "0", str(2**63)), {"Retry-After": str(2**63)}),
    Hostile("Retry-After 1e9", {}, {"Retry-After": "1000000000"}),
    Hostile("Retry-After 0", {}, {"Retry-After": "0"}),
    Hostile("Retry-After blank", {}, {"Retry-After": " "}),
    Hostile("Limit 0", _trio("0", "0", "0"), {"Retry-After": "0"}),
    Hostile("200 lines of each", _trio(*(", ".join([value] * 200) for value in ("10", "3", "30"))), {}),
    Hostile("a header of 90 kB", _trio("1" * 90_000, "9" * 90_000, "1" * 90_000), {"Retry-After": "1" * 90_000}),
    Hostile("structured rubbish", {"RateLimit": '"a;r=;t=((' * 50, "RateLimit-Policy": "q=1;w=-1"}, {}),
    Hostile("structured extremes", {"RateLimit": '"a";r=999999999999999;t=999999999999999'}, {}),
    Hostile(
        "a date no calendar has", _trio("10", "0", "Mon, 32 Foo 99999 25:61:61 GMT"), {"Retry-After": "2026-13-45"}
    ),
    Hostile("other scripts", _trio("١٠", "٠", "²"), {"Retry-After": "１２"}),  # noqa: RUF001
)
