"""What msgspec finds wrong with a configuration, in words for people."""

import re
import types
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec

from datasync.config import keys
from datasync.config.invalid import InvalidSpec
from datasync.config.secret import Secret
from datasync.config.spec import Config

Convert = Callable[[Any], Config]

_WORDS: Final = {
    "object": "a table",
    "array": "an array",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "Secret": "a secret",
    "datetime": "a date",
    "date": "a date",
    "time": "a time",
}


_WRITTEN: Final = {
    "object": 'a table is `[name]` with its keys below, or `{ key = "value" }`',
    "array": 'an array is `["a", "b"]`; of tables each begins with `[[name]]`',
    "str": 'text stands in quotes: `"like this"`',
    "int": "a number stands without quotes",
    "float": "a number stands without quotes",
    "bool": "it is true or false, without quotes",
}

_TABLES: Final[Mapping[keys.Path, str]] = {
    ("api",): "write `[api]` with a `base_url`",
    ("sink",): "write `[sink]` with a `kind`: postgres, jsonl, parquet, duckdb or plugin",
    ("endpoint",): "write an `[[endpoint]]` with a `name` and a `path`",
}

_DOCUMENT: Final = "docs/configuration.md says what each key is"


def explained(
    error: msgspec.ValidationError, raw: Mapping[str, Any], tree: Mapping[str, Any], convert: Convert
) -> InvalidSpec:
    """Say where in `tree`, from which `convert` could make no Config, what is wrong, and what would be right.

    `raw` is what the tree was made of, with its `[defaults]`.
    """
    text, _, written = str(error).rpartition(" - at `")
    path = keys.parsed(written.removesuffix("`")) if text else ()
    path = _named(path, tree, str(error), convert)
    text = text or str(error)
    if isinstance(error.__cause__, InvalidSpec):
        cause = error.__cause__
        return InvalidSpec(_below(path, raw, cause.key), cause.wrong, hint=cause.hint)
    if found := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL):
        return InvalidSpec(
            _written((*path, found[1]), raw), "nothing reads this key", hint=_meant(path, tree, found[1])
        )
    if found := re.fullmatch(r"Object missing required field `(.*)`", text):
        options = _options(_type_at((*path, found[1]), tree))
        choice = f"it is one of {', '.join(options)}" if options else _TABLES.get((*path, found[1]), _DOCUMENT)
        return InvalidSpec(_written((*path, found[1]), raw), "is missing", hint=choice)
    where = _written(path, raw) or "the file"
    if text.startswith(("Invalid value", "Invalid enum value")):
        options = _options(_type_at(path, tree))
        close = get_close_matches(str(keys.at(tree, path)), options, n=1)
        hint = f"is {close[0]} meant? " if close else ""
        return InvalidSpec(where, f"can't be `{keys.at(tree, path)}`", hint=f"{hint}it is one of {', '.join(options)}")
    if found := re.fullmatch(r"Expected `(.*)`, got `(.*)`", text):
        wanted = " or ".join(_WORDS.get(word, word) for word in found[1].split(" | ") if word != "null")
        hint = "; ".join(_WRITTEN[word] for word in found[1].split(" | ") if word in _WRITTEN) or _DOCUMENT
        if found[2] == "Secret":
            hint = "only a secret may be a table with `env` or `file`: write `${NAME}`"
        return InvalidSpec(where, f"is {_WORDS.get(found[2], found[2])} where {wanted} is wanted", hint=hint)
    return InvalidSpec(where, text[:1].lower() + text[1:], hint=_DOCUMENT)


def _below(path: keys.Path, raw: Mapping[str, Any], key: str) -> str:
    """The path of what a struct at `path` calls `key`, which may be a path itself."""
    first, dot, rest = key.partition(".")
    return _written((*path, first), raw, dot + rest)


def _written(path: keys.Path, raw: Mapping[str, Any], below: str = "") -> str:
    """The path as it is in the file: what an endpoint doesn't say itself came from `[defaults]`."""
    defaults = ("defaults", *path[2:])
    if (
        path[:1] == ("endpoint",)
        and len(path) > 2
        and keys.at(raw, path) is None
        and keys.at(raw, defaults) is not None
    ):
        return keys.text(defaults) + below
    return keys.text(path, raw, below)


def _named(path: keys.Path, tree: Mapping[str, Any], text: str, convert: Convert) -> keys.Path:
    """`path` with the keys of free tables: msgspec leaves them out."""
    while keys.ANY in path:
        at = path.index(keys.ANY)
        free = keys.at(tree, path[:at])
        for key in free:
            try:
                convert(_replaced(tree, path[:at], {key: free[key]}))
            except msgspec.ValidationError as again:
                if str(again) == text:
                    path = (*path[:at], key, *path[at + 1 :])
                    break
        else:
            return path[:at]
    return path


def _replaced(tree: Any, path: keys.Path, value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    inner = _replaced(tree[key], tuple(rest), value)
    if isinstance(tree, list):
        return [inner if index == key else one for index, one in enumerate(tree)]
    return {**tree, key: inner}


def _meant(path: keys.Path, tree: Any, key: str) -> str:
    struct = _struct(_type_at(path, tree), keys.at(tree, path))
    if struct is None:
        return "see docs/configuration.md"
    known = [field.encode_name for field in msgspec.structs.fields(struct)]
    known += ["kind"] if struct.__struct_config__.tag is not None else []
    known += ["defaults"] if struct is Config else []
    close = get_close_matches(key, known, n=1)
    return f"is {close[0]} meant?" if close else f"known are {', '.join(sorted(known)) or 'none'}"


def _options(kind: Any) -> list[str]:
    """What a value of this type may be, where that is one of a few."""
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    members = _members(kind)
    return [option for one in members for option in _options(one)] if len(members) > 1 else []


def _type_at(path: keys.Path, tree: Any) -> Any:
    kind: Any = Config
    for depth, key in enumerate(path):
        value = keys.at(tree, path[:depth])
        if key == "kind" and depth == len(path) - 1 and (tags := _tags(kind)):
            return Literal[tuple(tags)]
        struct = _struct(kind, value)
        if struct is not None:
            fields = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
            kind = fields.get(str(key), Any)
        else:
            inner = [get_args(one) for one in _members(kind) if get_origin(one) is not None]
            kind = (inner[0][0] if isinstance(key, int) else inner[0][-1]) if inner else Any
    return kind


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _structs(kind: Any) -> list[type[msgspec.Struct]]:
    return [one for one in _members(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct)]


def _tags(kind: Any) -> list[str]:
    return [str(one.__struct_config__.tag) for one in _structs(kind) if one.__struct_config__.tag is not None]


def _struct(kind: Any, value: Any) -> type[msgspec.Struct] | None:
    structs = _structs(kind)
    if len(structs) > 1:
        tag = value.get("kind") if isinstance(value, Mapping) else None
        structs = [one for one in structs if one.__struct_config__.tag == tag]
    return structs[0] if len(structs) == 1 else None


def as_secret(kind: type, value: Any) -> Any:
    """Make a Secret for msgspec; where it came from is said later."""
    if kind is not Secret:
        raise NotImplementedError  # msgspec's word for a type that isn't the hook's
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise TypeError('a secret is text, `{ env = "NAME" }` or `{ file = "path" }`')
    return Secret(value)
