"""Findings as a configuration, with a comment for each choice: how it was found, and how sure that is."""

from typing import Any

import msgspec

from datasync import envvars
from datasync.config import Secret
from datasync.config.spec import (
    Api,
    ColumnSpec,
    Config,
    CursorPaging,
    EndpointSpec,
    NoPaging,
    Paging,
    PostgresTo,
    Renewal,
    Table,
)
from datasync.discovery.address import Address
from datasync.discovery.credentials import Given
from datasync.discovery.findings import Findings
from datasync.discovery.parameters import incremental
from datasync.discovery.summary import limits_line, size_line
from datasync.discovery.toml import render
from datasync.errors import ContractChanged


def config(findings: Findings, address: Address, given: Given, table: str | None = None) -> Config:
    """Give what was found as a configuration of one endpoint, for `written`, which has references for secrets.

    Raises:
        ContractChanged: the answer has no list of records.
    """
    if findings.records is None:
        raise ContractChanged(
            f"GET {findings.url}: the answer has no array of objects within three levels",
            hint="init wants the address of a list; nothing was written",
        )
    endpoint = EndpointSpec(
        name=address.name,
        path=literal(address.path),
        params={literal(name): literal(value) for name, value in address.params.items()},
        records=literal(findings.records),
        format=findings.format,
        paging=_paging(findings),
        incremental=incremental(findings),
        table=_table(findings, table),
    )
    api = Api(base_url=literal(address.base_url), auth=given.auth(), headers=given.more_headers())
    # What is written is `${DATABASE_URL}`; which database that is nobody needs to know here.
    database = Secret("postgresql://host/database", source=envvars.DATABASE_URL)
    return Config(api=api, sink=PostgresTo(url=database), endpoints=(endpoint,))


def written(findings: Findings, found: Config) -> str:
    """Give a `datasync.toml` with comments."""
    head = [f"written by `datasync init` for {findings.url} with {findings.used} of {findings.allowed} requests"]
    if findings.stopped:
        head.append(f"it ended early: {findings.stopped}; what is not said here was not found out")
    head += [f"note: {note}" for note in findings.notes]
    return render(found, _comments(findings), head="\n".join(head))


def literal(text: str) -> str:
    """Write text so that nothing in it is taken for a reference to a variable."""
    return text.replace("$$", "$$$$").replace("${", "$${") if "$" in text else text


def _paging(findings: Findings) -> Paging:
    found, size = findings.paging, findings.size
    if found is None or isinstance(found.paging, NoPaging):
        return NoPaging()
    changes: dict[str, Any] = {"has_more": findings.has_more, "total": findings.total_path}
    if size is not None:
        # Where no parameter is honoured the size of a plain page is said, for kinds of paging that count with it.
        counts = hasattr(found.paging, "short")
        if size.param is not None:
            changes |= {"size": size.largest or size.default, "size_param": size.param}
        elif counts:
            changes["size"] = size.default
    if isinstance(found.paging, CursorPaging) and findings.cursor is not None:
        seconds = findings.cursor.seconds
        changes |= {"ttl": None if seconds is None else f"{seconds:.0f}s", "expired": findings.cursor.refusals}
        changes["renew"] = None if findings.renewal is None else _renew(findings.renewal.renew)
    named = {
        name: literal(value)
        for name in ("next", "pages", "has_more", "total", "field")
        if isinstance(value := changes.get(name, getattr(found.paging, name, None)), str)
    }
    return msgspec.structs.replace(found.paging, **changes | named)


def _renew(found: Renewal) -> Renewal:
    members = {name: literal(value) if isinstance(value, str) else value for name, value in found.members.items()}
    return msgspec.structs.replace(found, members=members)


def _table(findings: Findings, name: str | None) -> Table:
    if not findings.columns:
        return Table(name=name)
    columns = [
        ColumnSpec(
            name=one.name,
            path=None if one.path == one.name else literal(one.path),
            type=one.kind,
            key=one.name == findings.key,
        )
        for one in findings.columns
    ]
    names = {one.name for one in columns}
    rest = next(name for name in ("data", "rest", "record_rest", "other_fields") if name not in names)
    columns.append(ColumnSpec(name=rest, type="jsonb", source="rest"))
    return Table(name=name, mode="append" if findings.key is None else "merge", columns=tuple(columns))


def _renewal_comment(findings: Findings) -> str:
    if findings.renewal is None:
        return ""
    known = findings.cursor is not None and findings.cursor.refusals
    unknown = "" if known else "; if one that has ended is not refused with a 5xx, say in `expired` with what"
    return f"verified: {findings.renewal.how}{unknown}"


def _comments(findings: Findings) -> dict[str, str]:
    comments = {
        "api.auth": "the value stays in the environment",
        "endpoint.name": "of the stream: the checkpoint is kept under it",
        "endpoint.records": "the largest array of objects",
        "endpoint.paging.size": size_line(findings),
        "endpoint.paging.ttl": findings.cursor.how if findings.cursor else "",
        "endpoint.paging.renew": _renewal_comment(findings),
        "endpoint.paging.total": f"{findings.total:,} now" if findings.total is not None else "",
        "endpoint.paging.has_more": "true on the first page, which another one follows",
        "endpoint.paging.short": f"{'the total' if findings.total_path else 'a page without records'} tells the end",
        "endpoint.incremental": "verified: all records that came keep to the parameter",
    }
    paging = findings.paging
    if paging is None:
        comments["endpoint"] = "ATTENTION: paging was not looked at; as it stands one page is read"
    elif isinstance(paging.paging, NoPaging):
        comments["endpoint"] = f"paging: {paging.why}; if there is more than one page, say how they follow"
    else:
        comments["endpoint.paging"] = f"{paging.sureness}: {paging.why}"
    if findings.limits:
        comments["api"] = f"the API tells its limits, and they are kept to: {limits_line(findings)}"
    if not findings.columns:
        comments["endpoint.table"] = "guess: the list was empty"
    elif findings.key is None:
        comments["endpoint.table.mode"] = "no field is unique and always there: rows can't be told apart"
    for one in findings.columns:
        null = f"; absent or null in {one.null}" if one.null else ""
        key = "; the key: unique and always there" if one.name == findings.key else ""
        comments[f"endpoint.table.columns.{one.name}"] = f"{one.how}{null}{key}"
    names = {one.name for one in findings.columns}
    rest = next(name for name in ("data", "rest", "record_rest", "other_fields") if name not in names)
    comments[f"endpoint.table.columns.{rest}"] = "fields that no column takes, such as new ones"
    return {at: text for at, text in comments.items() if text}
