"""The JSON Schema of a `datasync.toml`, for editors."""

import inspect
import re
from collections.abc import Iterable
from typing import Any, Final, get_args

import msgspec

from datasync.config import spec
from datasync.config.secret import Secret
from datasync.model import Kind
from datasync.timestamps import Sentinels, TimestampPolicy

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_SECRET: Final = {
    "description": "A secret: text, best `${NAME}`; or where it is.",
    "anyOf": [
        {"type": "string"},
        *(
            {
                "type": "object",
                "properties": {key: {"type": "string", "description": what}},
                "required": [key],
                "additionalProperties": False,
            }
            for key, what in (("env", "name of a variable"), ("file", "path, from the configuration's folder"))
        ),
    ],
}

_COLUMN: Final = {
    "description": "Short for a column: NAME [TYPE] [key] [required]",
    "type": "string",
    "pattern": rf"^\S+( ({'|'.join(re.escape(kind) for kind in get_args(Kind))}))?( key)?( required)?$",
}


def schema() -> dict[str, Any]:
    """Give the schema, with short forms and `[defaults]`. What must fit together across tables is not in it."""
    made = msgspec.json.schema(spec.Config, schema_hook=_hook)
    definitions: dict[str, Any] = made["$defs"]
    for struct in (getattr(spec, name) for name in spec.__all__):
        if inspect.isclass(struct) and struct.__name__ in definitions:
            for one in (base for base in reversed(struct.__mro__) if base.__module__.startswith(spec.__name__)):
                _describe(definitions[struct.__name__], inspect.cleandoc(one.__doc__ or ""))
    for policy in (TimestampPolicy, Sentinels):
        _describe(definitions[policy.__name__], inspect.cleandoc(policy.__doc__ or ""))
    endpoint = definitions["EndpointSpec"]["properties"]
    config = definitions["Config"]["properties"]
    for properties, key in (
        (definitions["Api"]["properties"], "auth"),
        (config, "sink"),
        (endpoint, "paging"),
        (definitions["WindowPaging"]["properties"], "inner"),
    ):
        _with_kind(properties, key, definitions)
    for name in ("Table", "Child"):
        _with_short_columns(definitions[name]["properties"]["columns"])
    config["defaults"] = {
        "description": "Keys that each endpoint has unless it says otherwise.",
        "type": "object",
        "properties": {key: value for key, value in endpoint.items() if key not in ("name", "use")},
        "additionalProperties": False,
    }
    definitions["Defaults"] = config["defaults"]
    config["defaults"] = {"$ref": "#/$defs/Defaults"}
    whole: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({"title": "datasync.toml", **made}))
    return {"$schema": DIALECT, **whole}


def _hook(kind: type) -> dict[str, Any]:
    if kind is not Secret:
        raise NotImplementedError(kind)  # msgspec's word for a type that isn't the hook's
    return _SECRET


def _describe(definition: dict[str, Any], documentation: str) -> None:
    """Put each attribute's description where an editor looks for it."""
    summary, _, attributes = documentation.partition("\n\nAttributes:\n")
    definition["description"] = summary
    # An attribute begins at the usual indent; its text may go on behind a deeper one.
    for names, text in re.findall(r"^ {4}(\w[\w, ]*): (.*(?:\n {8,}.*)*)", attributes, re.MULTILINE):
        for name in names.split(", "):
            key = {"endpoints": "endpoint"}.get(name, name)
            if key in definition["properties"]:
                definition["properties"][key] = {**definition["properties"][key], "description": " ".join(text.split())}


def _with_kind(properties: dict[str, Any], key: str, definitions: dict[str, Any]) -> None:
    """Allow the name of a kind in place of its table, where the table needs nothing else."""
    long = properties[key]
    kinds = {kind: definitions[to.rpartition("/")[2]] for kind, to in long["discriminator"]["mapping"].items()}
    short = [kind for kind, definition in kinds.items() if definition["required"] == ["kind"]]
    properties[key] = {**long, "anyOf": [*long["anyOf"], {"enum": sorted(short)}]}
    # It would have every value be a table.
    del properties[key]["discriminator"]


def _with_short_columns(columns: dict[str, Any]) -> None:
    choices: Iterable[dict[str, Any]] = columns.get("anyOf", [columns])
    for choice in choices:
        if choice.get("type") == "array":
            choice["items"] = {"anyOf": [choice["items"], _COLUMN]}
