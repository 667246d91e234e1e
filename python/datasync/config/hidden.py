"""Where in structs the secrets are, and what looks like one where none is declared."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from datasync.config import keys
from datasync.config.mask import MASK
from datasync.config.schema import MIN_MASKED
from datasync.config.secret import Secret
from datasync.config.spec import Basic
from datasync.config.spec.paging import LeftOut

_TELLING: Final = re.compile(r"auth|key|token|secret|passw|pwd|cookie|credential|signature|session", re.IGNORECASE)

_EXACT: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", re.ASCII)

_LIKE_REFERENCE: Final = re.compile(r"\$[${]")

_PUBLIC: Final = ("headers", "params", "body", "options")
"""Tables of free keys, whose values are no secrets unless their names say so."""


def found(value: Any, path: keys.Path = ()) -> Iterator[tuple[keys.Path, Secret]]:
    """Give all secrets in a struct, with their paths; values of free keys with a telling name are among them."""
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, str):
        if len(path) > 1 and path[-2] in _PUBLIC and telling(path[-1]):
            yield path, Secret(value, source=keys.text(path))
    else:
        for key, inner in _parts(value):
            yield from found(inner, (*path, key))


def telling(name: str | int) -> bool:
    """Whether what is called so is likely to be a secret."""
    return isinstance(name, str) and _TELLING.search(name) is not None


def masked(value: Any, path: keys.Path = ()) -> Any:
    """Give a struct as plain tables and arrays, without None, and with each secret as what it refers to, or masked.

    Paging that was left out stays so: written, it would say that one page is wanted.
    """
    if isinstance(value, Secret):
        return _reference(value)
    if isinstance(value, str):
        return MASK if any(found(value, path)) else _escaped(value)
    if isinstance(value, list | tuple):
        return [masked(inner, (*path, index)) for index, inner in enumerate(value)]
    if isinstance(value, Mapping | msgspec.Struct):
        plain = {
            key: masked(inner, (*path, key))
            for key, inner in _parts(value)
            if inner is not None and not isinstance(inner, LeftOut)
        }
        tag = value.__struct_config__.tag if isinstance(value, msgspec.Struct) else None
        return plain if tag is None else {"kind": tag, **plain}
    return value


def _reference(secret: Secret) -> str | dict[str, str]:
    if _EXACT.fullmatch(secret.source):
        return secret.source
    return {"file": secret.source.removeprefix("file ")} if secret.source.startswith("file ") else MASK


def _escaped(text: str) -> str:
    return text.replace("$", "$$") if _LIKE_REFERENCE.search(text) else text


def worth_masking(path: keys.Path, secret: Secret) -> bool:
    """Whether texts are searched for it: a `1` or `true` among headers would spoil every line."""
    return len(secret.reveal()) >= MIN_MASKED or len(path) < 2 or path[-2] not in (*_PUBLIC, "secrets")


def worth_a_warning(path: keys.Path, secret: Secret) -> bool:
    """Whether it is a pity that this one stands in a file: not `grant_type` of a body, nor a URL without a password."""
    if path == ("sink", "url"):
        return urlsplit(secret.reveal()).password is not None
    return len(path) < 2 or path[-2] not in _PUBLIC or telling(path[-1])


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(type(value)):
            inner = getattr(value, field.name)
            if isinstance(value, Basic) and field.name == "username" and not value.password.reveal():
                inner = Secret(inner)  # some APIs take a key for the name, and no password
            yield field.encode_name, inner
    elif isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
