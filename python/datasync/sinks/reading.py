"""How a stream is read, as far as its checkpoint depends on it: a place in one paging is none in another."""

from collections.abc import Mapping
from typing import Final

from datasync.config.schema import Settings
from datasync.config.spec import KeysetPaging, PageNumberPaging, Paging, WindowPaging
from datasync.errors import ConfigError

_HALF_WAY: Final = ("path", "paging", "parent", "lists", "mode")
_AFTER_THE_END: Final = ("path", "parent", "incremental.column")


def of(settings: Settings) -> Mapping[str, str]:
    """Say how a run reads its stream, part by part; nothing of what its configuration doesn't tell.

    Parameters aren't among it: their values may come from variables that change, as a key that is replaced does.
    """
    spec = settings.spec
    if spec is None:
        return {}
    found = {"mode": settings.table.mode, "lists": ", ".join(sorted(child.table for child in spec.table.children))}
    if spec.incremental is not None:
        found["incremental.column"] = spec.incremental.column
    if spec.use is None:
        parent = spec.parent
        found |= {
            "path": f"{spec.method} {spec.path}",
            "paging": _paging(spec.paging),
            "parent": "" if parent is None else f"{parent.endpoint}.{parent.column}",
        }
    return found


def check(stream: str, was: Mapping[str, str], now: Mapping[str, str], *, complete: bool) -> None:
    """Make sure that a run reads a stream as it was read until now.

    Args:
        stream: that was begun.
        was: as `of` said when it was; what isn't there is not known.
        now: as it says of this run.
        complete: it was read to its end: where it goes on is told by a time, and by no place.

    Raises:
        ConfigError: it doesn't.
    """
    for part in _AFTER_THE_END if complete else _HALF_WAY:
        if part in was and part in now and was[part] != now[part]:
            before, here = _said(part, was[part]), _said(part, now[part])
            raise ConfigError(
                f"`{stream}` was read with {before} until now, and this run has {here}",
                hint="put it back as it was, or read from the beginning with --restart",
            )


def _said(part: str, value: str) -> str:
    return f"the `{part}` `{value}`" if value else f"no `{part}`"


def _paging(paging: Paging) -> str:
    kind = str(paging.__struct_config__.tag)
    match paging:
        case WindowPaging():
            return f"{kind} of {_paging(paging.inner)}"
        case PageNumberPaging():
            return f"{kind} of {paging.size}"  # page 3 of another size has other records
        case KeysetPaging():
            return f"{kind} by {paging.field or 'the key'}"
        case _:
            return kind
