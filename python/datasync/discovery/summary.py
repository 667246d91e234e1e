"""Findings for people: one line for each subject."""

from collections.abc import Iterator

import msgspec

from datasync.config.spec import NoPaging
from datasync.discovery.findings import Findings


def report(findings: Findings) -> Iterator[str]:
    """Give the lines of the report, without what is not known."""
    yield f"{findings.url}: {findings.used} of {findings.allowed} requests used"
    if findings.stopped:
        yield f"stopped early: {findings.stopped}"
    if (first := findings.first) is not None:
        packed = f"{first.encoding}, {first.body_bytes / max(1, first.wire_bytes):.1f} times smaller"
        yield _line(
            "answer",
            f"{first.status} {first.content_type}, {first.body_bytes:,} bytes"
            f" ({packed if first.encoding else 'not compressed'}), {first.seconds:.2f} s",
        )
    yield from _records(findings)
    yield _line("paging", _paging(findings))
    if findings.size is not None:
        yield _line("page size", size_line(findings))
    if findings.cursor is not None:
        lives = "" if findings.cursor.seconds is None else f"{findings.cursor.seconds:g} s, "
        yield _line("cursor lives", f"{lives}{findings.cursor.how}")
    if findings.renewal is not None:
        yield _line("renewal", f"verified: {findings.renewal.how}")
    yield _line("limits", limits_line(findings) if findings.limits else "the answers tell of none")
    yield from _effects(findings)
    for note in findings.notes:
        yield _line("note", note)


def _records(findings: Findings) -> Iterator[str]:
    if findings.records is not None:
        where = "the root" if findings.records == "" else f"`{findings.records}`"
        total = "" if findings.total is None else f"; {findings.total:,} in all by `{findings.total_path}`"
        yield _line("records", f"{findings.format} at {where}{total}")
    if findings.columns:
        columns = ", ".join(f"{one.name} {one.kind}" for one in findings.columns)
        yield _line("columns", columns)
        yield _line("key", findings.key or "none: rows are appended")


def _effects(findings: Findings) -> Iterator[str]:
    if findings.order is not None:
        by = f" by {findings.order.column}" if findings.order.column else ""
        yield _line("order", f"{findings.order.direction}{by}, in {findings.order.records} records")
    if findings.parameters:
        grouped: dict[str, list[str]] = {}
        for one in findings.parameters:
            grouped.setdefault(one.effect, []).append(one.name)
        yield _line("parameters", "; ".join(f"{effect}: {', '.join(names)}" for effect, names in grouped.items()))
    if findings.auth_variant is not None:
        variant = findings.auth_variant
        yield _line("key as query", f"?{variant.param}=: {variant.status}, {variant.detail}")


def size_line(findings: Findings) -> str:
    """Say how many records a page may have."""
    size = findings.size
    if size is None:
        return "not looked at"
    if size.param is None:
        return f"{size.default}; no parameter changes it"
    said = [f"{size.param}={size.largest or size.default}, {size.default} unless told"]
    if size.cap is not None:
        said.append(f"larger ones are lowered to {size.cap} without a word")
    if size.refused is not None:
        said.append(f"{size.refused} is refused")
    return "; ".join(said)


def limits_line(findings: Findings) -> str:
    """Say what the rate-limit headers say."""
    said = []
    for quota in findings.limits:
        name = f"{quota.bucket}: " if quota.bucket else ""
        limit = "" if quota.limit is None else f"{quota.limit:g} {quota.unit}"
        window = quota.window or (findings.window if quota.unit == "requests" else None)
        span = f" in {window:g} s" if window else ""
        left = "" if quota.remaining is None else f", {quota.remaining:g} left"
        reset = "" if quota.reset is None else f", more in {quota.reset[1]:.0f} s at the latest"
        said.append(f"{name}{limit or 'no number'}{span}{left}{reset} ({quota.source})")
    if findings.retry_after is not None:
        said.append(f"refusals say to wait {findings.retry_after:.0f} s")
    return "; ".join(said)


def _paging(findings: Findings) -> str:
    found = findings.paging
    if found is None:
        return "not looked at"
    if isinstance(found.paging, NoPaging):
        return f"none: {found.why}"
    return f"{msgspec.to_builtins(found.paging)['kind']}, {found.sureness}: {found.why}"


def _line(subject: str, text: str) -> str:
    return f"  {subject + ':':<14}{text}"
