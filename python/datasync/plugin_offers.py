"""What plugins offer, by kind and name: how it is asked for, what is wrong with it, and whose it is."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar

from datasync.errors import PluginError

Kind: TypeAlias = Literal["auth", "endpoint", "transform", "sink", "executor"]

KINDS: Final[Mapping[Kind, str]] = {
    "auth": "register_auth",
    "endpoint": "register_endpoints",
    "transform": "register_transforms",
    "sink": "register_sinks",
    "executor": "register_executors",
}
"""What plugins may offer, and the hook that asks for it."""

_TRANSFORM_MARK: Final = "__datasync_transform__"

F = TypeVar("F", bound=Callable[..., Any])
Factory: TypeAlias = Callable[..., Any]


class Register(Protocol):
    """Handed to the `register_*` hooks."""

    def __call__(self, name: str, factory: Factory) -> None:
        """Offer `factory` under `name`. Raises PluginError when the name is none, or the factory can't be called."""


def transform(name: str) -> Callable[[F], F]:
    """Make a transform of a function, under `name`, without writing a hook.

    The function is registered when its module is loaded as a plugin.

    Raises:
        PluginError: there is no name.
    """
    if not isinstance(name, str):
        raise PluginError("a transform needs a name", hint='write @datasync.transform("some-name") above the function')

    def mark(function: F) -> F:
        setattr(function, _TRANSFORM_MARK, name)
        return function

    return mark


class Offered(dict[str, Factory]):
    """Factories of one kind by name.

    Attributes:
        owners: the plugin that offers each.
        disputed: names that two installed plugins offer, which so nobody does, with a message.
        failed: why plugins that might have offered more are left out.
    """

    def __init__(self, failed: Sequence[str]) -> None:
        super().__init__()
        self.owners: dict[str, str] = {}
        self.disputed: dict[str, str] = {}
        self.failed = failed

    def take(self, factories: Mapping[str, Factory], owner: str) -> None:
        """Offer what `owner` has, but for the names that are disputed."""
        self.update(factories)
        self.owners |= dict.fromkeys(factories, owner)
        for name in self.disputed:
            self.pop(name, None)


def asked(plugin: object, kind: Kind, call: Callable[..., object], **more: object) -> dict[str, Factory]:
    """Give what a plugin offers of one kind.

    Args:
        plugin: the module or object.
        kind: of what is asked for.
        call: calls the hook for that kind in this plugin alone.
        more: what the hook gets besides.

    Raises:
        PluginError: it offers what can't be used.
    """
    hook = KINDS[kind]
    found: dict[str, Factory] = {}

    def register(name: str, factory: Factory) -> None:
        if not isinstance(name, str) or not name or not name.isprintable() or set(name) & set(" ,:"):
            raise PluginError(
                f"{hook}: {name!r} is no name for {with_article(kind)}",
                hint="a name is a str without spaces, commas and colons",
            )
        if not callable(factory):
            raise PluginError(
                f"{hook}: what is offered as `{name}` is {with_article(type(factory).__name__)}, not callable",
                hint=f"see `{hook}` in docs/plugins.md",
            )
        if found.setdefault(name, factory) is not factory:
            raise PluginError(f"{hook}: `{name}` is offered twice", hint="rename one of them")

    if kind == "transform":
        for name, function in _marked(plugin):
            register(name, function)
    call(register=register, **more)
    return found


def with_article(word: str) -> str:
    """Give "an endpoint", "a sink"."""
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def _marked(plugin: object) -> Iterator[tuple[str, Factory]]:
    """The functions that a module made transforms of; those imported from another plugin are registered there."""
    if isinstance(plugin, ModuleType):
        for function in list(vars(plugin).values()):
            name = vars(function).get(_TRANSFORM_MARK) if inspect.isfunction(function) else None
            if name is not None and function.__module__ == plugin.__name__:
                yield name, function
