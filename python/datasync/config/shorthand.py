"""Short forms of a configuration file into the long ones, so that the structs stay plain.

* `[defaults]` is a table of an endpoint's keys: each endpoint has them unless it says otherwise.
* A string where a table with a `kind` is wanted is that kind with no options: `paging = "link"`, `auth = "none"`.
* A string in `columns` is `NAME [TYPE] [key] [required]`: `"id bigint key"`.

What is no short form passes as it is, wrong things, too: the structs refuse them.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from datasync.config import keys
from datasync.config.invalid import InvalidSpec
from datasync.config.spec.endpoint import EndpointSpec

FLAGS: Final = ("key", "required")

NOT_WITH_USE: Final = ("path", "method", "params", "body", "headers", "records", "format", "paging", "parent")
"""Keys of an endpoint that the one which it uses decides."""

NOT_WITH_USE_IN_TABLE: Final = ("columns", "children")


def expanded(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Give the file's content in long form, and without `[defaults]`.

    Raises:
        InvalidSpec: `[defaults]` is no table or has a key that it can't have; a column is malformed.
    """
    tree = {key: value for key, value in raw.items() if key != "defaults"}
    if isinstance(api := tree.get("api"), Mapping):
        tree["api"] = _with_kind(api, "auth")
    tree = _with_kind(tree, "sink")
    defaults = _endpoint(_defaults(raw.get("defaults", {})), ("defaults",), raw)
    if isinstance(endpoints := tree.get("endpoint"), list):
        tree["endpoint"] = [
            merged(_fitting(defaults, one), _endpoint(one, ("endpoint", index), raw))
            if isinstance(one, Mapping)
            else one
            for index, one in enumerate(endpoints)
        ]
    return tree


def merged(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Give `own` with what it lacks from `defaults`, tables inside of them alike.

    Tables of another `kind` aren't mixed: options of one mean nothing to the other.
    """
    both = dict(defaults)
    for key, value in own.items():
        before = both.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping) and _alike(before, value):
            both[key] = merged(before, value)
        else:
            both[key] = value
    return both


def _alike(before: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    return bool(value.get("kind", before.get("kind")) == before.get("kind"))


def column(written: str) -> dict[str, Any]:
    """Read `NAME [TYPE] [key] [required]`.

    Raises:
        ValueError: it isn't that.
    """
    name, *words = written.split() or [""]
    flags = []
    while words and words[-1] in FLAGS:
        flags.append(words.pop())
    kind = " ".join(words)
    if not name or len(set(flags)) < len(flags):
        raise ValueError(f"is no column: `{written}`")
    return {"name": name, **({"type": kind} if kind else {}), **dict.fromkeys(flags, True)}


def _defaults(found: Any) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise InvalidSpec("defaults", "is no table", hint="it is `[defaults]` with the keys of an `[[endpoint]]`")
    for key in ("name", "use"):
        if key in found:
            raise InvalidSpec(f"defaults.{key}", "is different for each endpoint", hint="write it into the endpoints")
    known = {field.encode_name for field in msgspec.structs.fields(EndpointSpec)}
    for key in found:
        if key not in known:
            raise InvalidSpec(
                keys.text(("defaults", key)), "nothing reads this key", hint=f"known are {', '.join(sorted(known))}"
            )
    return found


def _fitting(defaults: Mapping[str, Any], endpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    if "use" not in endpoint:
        return defaults
    fitting = {key: value for key, value in defaults.items() if key not in NOT_WITH_USE}
    if isinstance(table := fitting.get("table"), Mapping):
        fitting["table"] = {key: value for key, value in table.items() if key not in NOT_WITH_USE_IN_TABLE}
    return fitting


def _endpoint(found: Mapping[str, Any], path: keys.Path, raw: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = _with_kind(found, "paging")
    if isinstance(paging := endpoint.get("paging"), Mapping):
        endpoint["paging"] = _with_kind(paging, "inner")
    if isinstance(table := endpoint.get("table"), Mapping):
        table = _with_columns(table, (*path, "table"), raw)
        if isinstance(children := table.get("children"), list):
            table["children"] = [
                _with_columns(child, (*path, "table", "children", index), raw) if isinstance(child, Mapping) else child
                for index, child in enumerate(children)
            ]
        endpoint["table"] = table
    return endpoint


def _with_kind(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    return {**table, key: {"kind": value}} if isinstance(value, str) else dict(table)


def _with_columns(table: Mapping[str, Any], path: keys.Path, raw: Mapping[str, Any]) -> dict[str, Any]:
    columns = table.get("columns")
    if not isinstance(columns, list):
        return dict(table)
    long = []
    for index, one in enumerate(columns):
        try:
            long.append(column(one) if isinstance(one, str) else one)
        except ValueError as error:
            where = keys.text((*path, "columns", index), raw)
            raise InvalidSpec(where, str(error), hint='it looks like "id bigint key" or "name text required"') from None
    return {**table, "columns": long}
