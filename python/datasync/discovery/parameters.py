"""Which of the usual parameters change the answer. All are sent at once first: most APIs ignore them all."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from datasync.config.spec import Incremental
from datasync.discovery.columns import instants
from datasync.discovery.findings import ColumnFound, Findings, ParameterFound
from datasync.discovery.prober import Prober, Seen

SINCE: Final = ("since", "updated_since", "from")
UNTIL: Final = ("until", "to")
SHAPES: Final[Mapping[str, str]] = {"order": "asc", "fields": "", "format": "csv"}
"""Parameters that shape an answer, with what is sent; `fields` gets a field's name, `sort` the column's."""

Form: TypeAlias = Literal["iso", "ms"]


async def try_parameters(
    prober: Prober, plain: Seen, columns: Sequence[ColumnFound], findings: Findings, *, stable: bool
) -> None:
    """Ask with each parameter that may do something, and write what it does.

    Where the plain answer doesn't come again as it was, a mere difference means nothing: then only parameters for time
    are tried, and counted as ignored unless every record keeps to them.
    """
    column, moments = _time_column(plain, columns, prober)
    middle = sorted(moments)[len(moments) // 2] if moments and min(moments) < max(moments) else None
    rounds = _rounds(plain, column, middle, stable=stable)
    effects: dict[str, ParameterFound] = {}

    def judge(name: str, value: str, seen: Seen) -> None:
        found = _effect(name, value, plain, seen, column, middle, prober)
        if not stable and found.effect == "changes":
            found = ParameterFound(name, value, "ignored", "as far as can be told")
        if name not in effects or _RANK[found.effect] > _RANK[effects[name].effect]:
            effects[name] = found
        findings.parameters = tuple(effects.values())

    for params in rounds:
        open_ones = {name: value for name, value in params.items() if not _settled(effects.get(name))}
        if not open_ones:
            continue
        shown = "&".join(f"{name}={value}" for name, value in open_ones.items())
        together = await prober.ask(open_ones)
        if _same(plain, together):
            prober.note(shown, "ignored")
            for name, value in open_ones.items():
                judge(name, value, plain)
            continue
        prober.note(shown, together.failure or "the answer changes: each one alone")
        for name, value in open_ones.items():
            alone = await prober.ask({name: value})
            judge(name, value, alone)
            prober.note(f"{name}={value}", effects[name].effect)


def _rounds(
    plain: Seen, column: ColumnFound | None, middle: int | None, *, stable: bool
) -> Sequence[Mapping[str, str]]:
    """Give the parameters that are sent together, round by round."""
    rounds: list[Mapping[str, str]] = []
    if middle is not None:
        forms: tuple[Form, ...] = ("iso", "ms")
        rounds += [{name: written(middle, form) for name in SINCE} for form in forms]
        rounds += [{name: written(middle, form) for name in UNTIL} for form in forms]
    if stable:
        field = _field(plain)
        rounds.append({**SHAPES, "fields": field, "sort": f"-{field}" if column is None else column.path})
    return rounds


def incremental(findings: Findings) -> Incremental | None:
    """Give what asks for newer records alone, if a parameter was honoured that does."""
    for one in findings.parameters:
        if one.name in SINCE and one.effect == "honoured" and one.column is not None:
            return Incremental(column=one.column, param=one.name, format="ms" if one.value.isdigit() else "iso")
    return None


def written(moment_us: int, form: Form) -> str:
    """Write a moment for a parameter."""
    if form == "ms":
        return str(moment_us // 1000)
    return datetime.fromtimestamp(moment_us // 1_000_000, tz=UTC).isoformat().replace("+00:00", "Z")


_RANK: Final = {"ignored": 0, "refused": 1, "changes": 2, "honoured": 3}


def _settled(found: ParameterFound | None) -> bool:
    return found is not None and found.effect == "honoured"


def _effect(  # noqa: PLR0911 - a table
    name: str,
    value: str,
    plain: Seen,
    seen: Seen,
    column: ColumnFound | None,
    middle: int | None,
    prober: Prober,
) -> ParameterFound:
    if not seen.ok:
        return ParameterFound(name, value, "refused", seen.failure or "")
    if _same(plain, seen):
        return ParameterFound(name, value, "ignored")
    assert seen.document is not None
    if column is not None and middle is not None and name in (*SINCE, *UNTIL):
        assert seen.answer is not None
        moments = instants(seen.document.records, column, seen.answer.received_us)
        second = 1_000_000  # it was cut to whole seconds
        kept = (
            all(one >= middle - second for one in moments)
            if name in SINCE
            else all(one <= middle + second for one in moments)
        )
        if moments and kept:
            detail = f"all {len(moments)} records keep to it by `{column.name}`"
            return ParameterFound(name, value, "honoured", detail, column.name)
    if name == "order" and seen.ids != plain.ids:
        return ParameterFound(name, value, "changes", "the order, or which records come")
    if name == "fields" and plain.document is not None:
        fewer = {key for one in seen.document.records for key in one}
        if fewer < {key for one in plain.document.records for key in one}:
            return ParameterFound(name, value, "honoured", f"only {', '.join(sorted(fewer))}")
    if name == "format" and seen.document.format != prober.findings.format:
        return ParameterFound(name, value, "honoured", f"the answer is {seen.document.format}")
    return ParameterFound(name, value, "changes", f"{seen.count} records instead of {plain.count}")


def _same(plain: Seen, seen: Seen) -> bool:
    if not seen.ok or seen.ids != plain.ids or plain.document is None or seen.document is None:
        return False
    fields = [{key for one in document.records for key in one} for document in (plain.document, seen.document)]
    return fields[0] == fields[1] and plain.document.format == seen.document.format


def _time_column(
    plain: Seen, columns: Sequence[ColumnFound], prober: Prober
) -> tuple[ColumnFound | None, Sequence[int]]:
    """Choose the column that the feed is sorted by, else the first with moments."""
    assert plain.answer is not None
    assert plain.document is not None
    order = prober.findings.order
    sorted_by = None if order is None else order.column
    times = sorted((one for one in columns if one.kind == "timestamptz"), key=lambda one: one.name != sorted_by)
    for one in times:
        if moments := instants(plain.document.records, one, plain.answer.received_us):
            return one, moments
    return None, ()


def _field(plain: Seen) -> str:
    assert plain.document is not None
    return next((key for key in plain.document.records[0] if key.isidentifier()), "id")
