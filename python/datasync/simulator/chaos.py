"""Damage on purpose, decided by a seed, so that a run against it can be repeated and its truth is known."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

#: Damage of an answer, decided by (seed, request number): asking again gets another chance.
REQUEST_KINDS = {
    "429": "refused although the quota is not used up",
    "500": "internal server error",
    "502": "bad gateway",
    "503": "service unavailable",
    "504": "gateway timeout",
    "html_502": "bad gateway with an HTML body",
    "reset": "connection reset without an answer",
    "truncate": "body shorter than its Content-Length",
    "cut_json": "JSON cut short, Content-Length true to it",
    "slow": "body drips",
    "empty_body": "200 with an empty body",
    "null_body": "200 with the body `null`",
    "missing_pagination": "page without `pagination`",
    "missing_has_more": "page without `hasMore`",
    "empty_page": "no records, but a cursor to go on",
    "early_end": "no records and no cursor although more exist",
    "repeat_page": "the page before, once more",
    "stale_quota": "cached answer with the quota headers of another time",
}

#: Damage of a record, decided by (seed, event index): the same each time the record is served.
RECORD_KINDS = {
    "missing_id": "record without `id`",
    "missing_timestamp": "record without `timestamp`",
    "bad_timestamp": "timestamp that names no moment",
    "nul": "`\\u0000` in a string",
    "surrogate": "lone surrogate in a string",
    "duplicate": "record given twice in a row",
}

KINDS = {**REQUEST_KINDS, **RECORD_KINDS}


class Dose(NamedTuple):
    """How often one kind of damage is done: with this probability, and at most so many times (None: no bound)."""

    probability: float
    most: int | None


def parse_chaos(text: str) -> dict[str, Dose]:
    """Read `kind=probability[:most],..`; the empty text is no damage.

    Raises:
        ValueError: A kind is unknown, or a number is none or out of its range.
    """
    plan: dict[str, Dose] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        kind, _, amount = part.partition("=")
        if kind not in KINDS:
            raise ValueError(f"chaos knows no kind `{kind}`; kinds are {', '.join(KINDS)}")
        probability, _, most = amount.partition(":")
        try:
            plan[kind] = Dose(float(probability), int(most) if most else None)
        except ValueError as error:
            raise ValueError(f"chaos must read `kind=probability[:most]`, got `{part}`") from error
        if not 0 <= plan[kind].probability <= 1 or (plan[kind].most or 0) < 0:
            raise ValueError(f"chaos probability must be from 0 to 1 and its bound not negative, got `{part}`")
    if sum(dose.probability for kind, dose in plan.items() if kind in REQUEST_KINDS) > 1:
        raise ValueError("chaos probabilities of the damage to answers must not exceed 1 together")
    return plan


class Chaos:
    """The damage of one simulated API.

    An answer suffers one kind at most, and so does a record; where two kinds would meet in a record, the first in the
    order of `RECORD_KINDS` is done.
    """

    def __init__(self, plan: Mapping[str, Dose], seed: int, count: int) -> None:
        self._seed = seed
        self._answers = [(kind, plan[kind]) for kind in REQUEST_KINDS if kind in plan]
        self._requests = 0
        self._done: Counter[str] = Counter()
        damaged: dict[int, str] = {}
        for kind in RECORD_KINDS:
            if kind in plan:
                for index in _damaged_indexes(f"datasync/{seed}/{kind}", plan[kind], count):
                    damaged.setdefault(index, kind)
        #: Kind of damage by event index, for all damaged records.
        self.damaged: Mapping[int, str] = MappingProxyType(damaged)

    def record_damage(self, index: int) -> str | None:
        """Tell how the record of an event is damaged, None if it is whole."""
        return self.damaged.get(index)

    def draw(self, number: int) -> str | None:
        """Tell the damage drawn for a request number (from 1), before any bound."""
        if not self._answers:
            return None
        chance = random.Random(f"datasync/{self._seed}/{number}").random()
        for kind, dose in self._answers:
            chance -= dose.probability
            if chance < 0:
                return kind
        return None

    def next_request(self) -> str | None:
        """Count a request and tell its damage; a kind whose bound is reached is not done any more."""
        self._requests += 1
        kind = self.draw(self._requests)
        if kind is None:
            return None
        most = dict(self._answers)[kind].most
        if most is not None and self._done[kind] >= most:
            return None
        self._done[kind] += 1
        return kind

    def applied(self) -> dict[str, int]:
        """Count the damaged answers by kind."""
        return dict(self._done)


def chaos_headers(kinds: tuple[str, ...]) -> dict[str, str]:
    """Give the headers with which the API owns up to damage: its word for missing fields, camel case for the rest."""
    if not kinds:
        return {}
    names = dict.fromkeys("missingFields" if kind.startswith("missing_") else _camel(kind) for kind in kinds)
    return {
        "X-Chaos-Applied": ", ".join(names),
        "X-Chaos-Description": "; ".join(KINDS[kind].replace("`", "") for kind in kinds),
    }


def _camel(kind: str) -> str:
    first, *others = kind.split("_")
    return first + "".join(word.capitalize() for word in others)


def _damaged_indexes(seed: str, dose: Dose, count: int) -> list[int]:
    """Draw the gaps between damaged records, not a number for each record: cost follows the damage, not the data."""
    if dose.probability == 0:
        return []
    rng, index = random.Random(seed), -1
    found: list[int] = []
    while dose.most is None or len(found) < dose.most:
        certain = dose.probability == 1
        index += 1 if certain else int(math.log(1 - rng.random()) / math.log(1 - dose.probability)) + 1
        if index >= count:
            break
        found.append(index)
    return found
