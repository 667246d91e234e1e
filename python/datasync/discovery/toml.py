"""Writes the structs of a configuration as TOML, with comments. Defaults are left out, secrets are `${NAME}`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from datasync.config import Secret, toml

Comments = Mapping[str, str]
"""What stands behind a key, by its path from the root without positions: `endpoint.paging.next`."""

WIDTH: Final = 118

_INLINE: Final = ("columns", "children")
"""Arrays of structs that are written one on a line."""


def render(value: msgspec.Struct, comments: Comments, *, head: str = "") -> str:
    """Give the text. Read back, it is the same structs.

    Args:
        value: the whole configuration. Its strings must be such that UTF-8 can hold, and the source of each secret the
            name of a variable: that is written, never the value.
        comments: for keys and tables.
        head: what stands before everything, without `#`.
    """
    lines = [*_comment(head), ""] if head else []
    lines += _table(value, (), comments)
    return "\n".join(lines).strip("\n") + "\n"


def members(value: msgspec.Struct) -> dict[str, Any]:
    """Give what a struct has that isn't its default, by the names in the file; its tag first."""
    found: dict[str, Any] = {}
    config = value.__struct_config__
    if config.tag is not None:
        assert config.tag_field is not None
        found[config.tag_field] = config.tag
    for field in msgspec.structs.fields(value):
        held = getattr(value, field.name)
        if held is None:
            continue  # TOML has no null, and no field of ours has another default than None where it may be None
        made = field.default_factory is not msgspec.NODEFAULT
        default = field.default_factory() if made else field.default
        if default is msgspec.NODEFAULT or _differs(held, default):
            found[field.encode_name] = held
    return found


def _differs(held: object, default: object) -> bool:
    return type(held) is not type(default) or held != default


def _table(value: msgspec.Struct, path: tuple[str, ...], comments: Comments) -> Iterator[str]:
    below: list[tuple[str, Any]] = []
    for key, member in members(value).items():
        tables = isinstance(member, msgspec.Struct) or (
            isinstance(member, tuple) and key not in _INLINE and all(isinstance(one, msgspec.Struct) for one in member)
        )
        # A table is written apart, behind all plain keys; `auth` and the like fit on the line.
        if tables and member and (key not in ("auth", "inner")):
            below.append((key, member))
        else:
            yield from _pair(key, member, path, comments)
    for key, member in below:
        inner = (*path, key)
        name = ".".join(map(toml.written_key, inner))
        for one in member if isinstance(member, tuple) else (member,):
            yield ""
            yield from _comment(comments.get(".".join(inner)))
            yield f"[[{name}]]" if isinstance(member, tuple) else f"[{name}]"
            yield from _table(one, inner, comments)


def _pair(key: str, member: Any, path: tuple[str, ...], comments: Comments) -> Iterator[str]:
    at = ".".join((*path, key))
    if isinstance(member, tuple) and member and isinstance(member[0], msgspec.Struct):
        yield from _comment(comments.get(at))
        yield f"{toml.written_key(key)} = ["
        for one in member:
            comment = comments.get(f"{at}.{getattr(one, 'name', '')}")
            yield f"    {_value(one)}," + (f"  # {_clean(comment)}" if comment else "")
        yield "]"
        return
    line, comment = f"{toml.written_key(key)} = {_value(member)}", comments.get(at)
    if comment is None:
        yield line
    elif len(line) + len(comment) + 4 <= WIDTH and "\n" not in comment:
        yield f"{line}  # {_clean(comment)}"
    else:
        yield from _comment(comment)
        yield line


def _comment(text: str | None) -> Iterator[str]:
    for line in (text or "").splitlines():
        yield f"# {_clean(line)}".rstrip()


def _clean(text: str) -> str:
    """What an API sent may stand in a comment, and must not end it."""
    return "".join(char if char.isprintable() else "?" for char in text).encode("utf-8", "replace").decode()


def _value(value: Any) -> str:
    return toml.inline(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return f"${{{value.source}}}"
    if isinstance(value, msgspec.Struct):
        return _plain(members(value))
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value
