"""Paths of a configuration: each is one, and the page's own words stand beside its records."""

from collections.abc import Iterator
from typing import Final

import msgspec

from datasync import jsonpaths
from datasync._native import PageEncoder, PlanError
from datasync.config import keys
from datasync.config.columns import columns
from datasync.config.lineage import Problem
from datasync.config.spec import EndpointSpec, WindowPaging
from datasync.config.spec.paging import PlainPaging
from datasync.model import Column, EncoderPlan

HINT: Final = 'keys joined by dots, with `[0]` for elements and `["a.b"]` for odd keys: `meta.next`'

_WORDS: Final = ("next", "has_more", "total", "pages")
_HEADER: Final = "header:"
_ANY: Final = (Column("data", "", "jsonb"),)


def problems(endpoint: EndpointSpec, at: keys.Path) -> Iterator[Problem]:
    """Give what is wrong with the paths of an endpoint; one that it uses has its own."""
    if endpoint.use is not None:
        return
    records = jsonpaths.plain(endpoint.records)
    chooses = records.startswith("$")
    if wrong := not chooses and not _is_path(records):
        yield (*at, "records"), f"is no path: `{endpoint.records}`", f"it is {HINT}, or a JSONPath that begins with $"
    paging: PlainPaging | WindowPaging = endpoint.paging
    place = (*at, "paging")
    if isinstance(paging, WindowPaging):
        paging, place = paging.inner, (*place, "inner")
    for key in (*_WORDS, "field"):
        path = getattr(paging, key, None)
        if path is None or path.startswith(_HEADER):
            if path is not None and not path.removeprefix(_HEADER).strip():
                yield (*place, key), f"names no header: `{path}`", "it looks like `header:X-Total-Count`"
            continue
        plain = path.removeprefix("$.")
        if not _is_path(plain):
            yield (*place, key), f"is no path: `{path}`", f"it is {HINT}"
        elif key != "field" and not wrong and not chooses and not _is_path(plain, beside=records):
            where = f"at `{records}`" if records else "which are the whole body"
            yield (*place, key), f"leads into the records, {where}: `{path}`", "it is a path that stands beside them"
    yield from _of_columns(endpoint, (*at, "table"))


def _of_columns(endpoint: EndpointSpec, at: keys.Path) -> Iterator[Problem]:
    hint = f"it is {HINT}; leave it out for a member that is called like the column"
    for index, column in enumerate(endpoint.table.columns or ()):
        if column.path is not None and not _is_path(columns((column,))[0].path):
            yield (*at, "columns", index, "path"), f"is no path: `{column.path}`", hint
    for place, child in enumerate(endpoint.table.children):
        if not _is_path(child.path):
            yield (*at, "children", place, "path"), f"is no path: `{child.path}`", f"it is {HINT}"
        for index, column in enumerate(child.columns):
            if column.path is not None and not _is_path(columns((column,))[0].path):
                yield (*at, "children", place, "columns", index, "path"), f"is no path: `{column.path}`", hint


def _is_path(path: str, *, beside: str | None = None) -> bool:
    """Whether the core reads it, and with `beside` whether it leads elsewhere than into the records there."""
    plan = EncoderPlan(records=path, columns=_ANY) if beside is None else EncoderPlan(beside, _ANY, total=path)
    try:
        PageEncoder(msgspec.json.encode(plan))
    except PlanError:
        return False
    return True
