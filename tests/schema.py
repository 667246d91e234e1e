"""A checker of JSON Schema for what `datasync.config.jsonschema` uses; anything else in a schema is an error."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_ANNOTATIONS = {"$schema", "$defs", "title", "description", "default", "discriminator"}
_KNOWN = _ANNOTATIONS | {
    "$ref",
    "anyOf",
    "enum",
    "type",
    "pattern",
    "properties",
    "required",
    "additionalProperties",
    "items",
}


def complaints(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], at: str = "$") -> Iterator[str]:
    """Give what is wrong with `value`."""
    assert set(schema) <= _KNOWN, set(schema) - _KNOWN
    if "$ref" in schema:
        yield from complaints(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "anyOf" in schema and all(any(complaints(value, one, root, at)) for one in schema["anyOf"]):
        yield f"{at}: fits none"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value} is not among {schema['enum']}"
    if "type" in schema and not _is_of(value, schema["type"]):
        yield f"{at}: no {schema['type']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r} has another form"
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from complaints(one, schema.get("items", {}), root, f"{at}[{index}]")
    if isinstance(value, dict):
        yield from _table(value, schema, root, at)


def _is_of(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and not (isinstance(value, bool) and kind != "boolean")


def _table(value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], at: str) -> Iterator[str]:
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{at}.{key}: missing"
    more = schema.get("additionalProperties", {})
    for key, one in value.items():
        inner = schema.get("properties", {}).get(key, more)
        if inner is False:
            yield f"{at}.{key}: unknown"
        elif inner is not True:
            yield from complaints(one, inner, root, f"{at}.{key}")
