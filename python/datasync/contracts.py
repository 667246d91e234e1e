"""Whether what a plugin gives is what it says, before anything relies on it; and the message when it isn't."""

import inspect
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints, overload

import httpx

from datasync.endpoints.base import Endpoint, Incremental, Resizable, Windowed
from datasync.errors import PluginError
from datasync.executors.base import Executor
from datasync.plugin_offers import with_article
from datasync.plugins import Kind, Plugins, blamed, resolve
from datasync.sinks.base import Sink
from datasync.transforms.chain import Transform

_PROTOCOLS: Final[dict[str, type]] = {"endpoint": Endpoint, "sink": Sink, "executor": Executor}
_BESIDES: Final[dict[str, tuple[type, ...]]] = {"endpoint": (Resizable, Incremental, Windowed)}
"""What some of a kind have, too, each whole or not at all."""

_LATER: Final = {"writers"}
"""Attributes that need not have a value yet."""

_MISSING: Final = object()


@overload
def made(plugins: Plugins, kind: Literal["endpoint"], name: str, *arguments: object) -> Endpoint: ...
@overload
def made(plugins: Plugins, kind: Literal["sink"], name: str, *arguments: object) -> Sink: ...
@overload
def made(plugins: Plugins, kind: Literal["executor"], name: str, *arguments: object) -> Executor: ...
def made(plugins: Plugins, kind: Any, name: str, *arguments: object) -> Any:
    """Have the factory that is registered under `name` make an object, and check that.

    Raises:
        PluginError: nobody offers it, the factory fails, or it gives something else.
    """
    owner = plugins.owner(kind, name)
    factory = resolve(kind, name, plugins.offered(kind))
    with blamed(f"the {kind} `{name}` of `{owner}`"):
        thing = factory(*arguments)
    return checked(kind, name, owner, thing)


def transform(plugins: Plugins, name: str) -> Transform:
    """Give the transform that is registered under `name`, or `module:function`, checked.

    Raises:
        PluginError: nobody offers it, or it isn't a function of one record.
    """
    function = resolve("transform", name, plugins.transforms)
    return checked("transform", name, plugins.owner("transform", name), function)


@overload
def checked(kind: Literal["auth"], name: str, owner: str, thing: object) -> httpx.Auth: ...
@overload
def checked(kind: Literal["endpoint"], name: str, owner: str, thing: object) -> Endpoint: ...
@overload
def checked(kind: Literal["sink"], name: str, owner: str, thing: object) -> Sink: ...
@overload
def checked(kind: Literal["executor"], name: str, owner: str, thing: object) -> Executor: ...
@overload
def checked(kind: Literal["transform"], name: str, owner: str, thing: object) -> Transform: ...
def checked(kind: Kind, name: str, owner: str, thing: object) -> Any:
    """Give `thing` back if it can be used as a `kind`: it has all methods, which take what they are given.

    Args:
        kind: what it should be.
        name: it is registered under.
        owner: the plugin that registered it.
        thing: what the factory gave, or the transform itself.

    Raises:
        PluginError: with everything that is missing or wrong.
    """
    with blamed(f"the {kind} `{name}` of `{owner}`"):  # a property of somebody's may raise anything
        if kind == "transform":
            problems = list(_transform_problems(thing))
            hint = "a transform takes one record, a dict, and gives a dict or None"
        elif kind == "auth":
            problems = [] if isinstance(thing, httpx.Auth) else ["it is no httpx.Auth"]
            hint = "httpx's documentation says how one is written"
        else:
            protocol = _PROTOCOLS[kind]
            besides = [extra for extra in _BESIDES.get(kind, ()) if isinstance(thing, extra)]
            problems = [problem for part in (protocol, *besides) for problem in _problems(thing, part)]
            hint = f"`{protocol.__module__}.{protocol.__name__}` says what each one is"
    if problems:
        what = with_article(type(thing).__name__)
        raise PluginError(
            f"the {kind} `{name}` of `{owner}` is {what} that can't be used: {'; '.join(problems)}", hint=hint
        )
    return thing


def _transform_problems(thing: object) -> Iterator[str]:
    if not callable(thing):
        yield "it is not a function"
        return
    if inspect.iscoroutinefunction(thing):
        yield "it is async"
    if not _takes(thing, 1):
        yield f"it takes {_parameters(thing)} instead of one record"


def _problems(thing: object, protocol: type) -> Iterator[str]:
    """What `thing` lacks of a protocol."""
    for name, wanted in vars(protocol).items():
        if name.startswith("_") or not (isinstance(wanted, property) or inspect.isfunction(wanted)):
            continue
        try:
            found = (
                getattr(thing, name, _MISSING) if name not in _LATER else inspect.getattr_static(thing, name, _MISSING)
            )
        except Exception as error:  # noqa: BLE001 - a property of somebody's
            yield f"`{name}` raises {type(error).__name__}: {error}"
            continue
        if found is _MISSING:
            yield f"`{name}` is missing"
        elif isinstance(wanted, property):
            if name not in _LATER:
                yield from _value_problems(name, found, get_type_hints(wanted.fget)["return"])
        else:
            yield from _method_problems(name, found, wanted)


def _value_problems(name: str, found: object, wanted: Any) -> Iterator[str]:
    kinds = get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)
    # As for type checkers, a whole number will do for a float.
    if not isinstance(found, (*kinds, int) if float in kinds else kinds):
        names = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
        yield f"`{name}` is {with_article(type(found).__name__)}, not {names}"


def _method_problems(name: str, found: Any, wanted: Callable[..., Any]) -> Iterator[str]:
    if not callable(found):
        yield f"`{name}` is {with_article(type(found).__name__)}, not a method"
        return
    parameters = list(inspect.signature(wanted).parameters)[1:]
    if not _takes(found, len(parameters)):
        yield f"`{name}` takes {_parameters(found)} instead of ({', '.join(parameters)})"
    awaited = inspect.iscoroutinefunction(wanted) or "Awaitable" in str(wanted.__annotations__.get("return"))
    if inspect.iscoroutinefunction(found) and not awaited:
        yield f"`{name}` is async"
    elif awaited and inspect.ismethod(found) and not _gives_awaitable(found):
        yield f"`{name}` is not async"


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # written in C, and doesn't say
        return True
    return True


def _parameters(function: Callable[..., Any]) -> str:
    return f"({', '.join(inspect.signature(function).parameters)})"


def _gives_awaitable(function: Callable[..., Any]) -> bool:
    said = str(inspect.signature(function).return_annotation)
    return inspect.iscoroutinefunction(function) or any(word in said for word in ("Awaitable", "Coroutine", "Future"))
