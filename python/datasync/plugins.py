"""The plugin manager: loads plugins and keeps what they register.

Built-ins register through the same hooks as everybody else. Sources of plugins, in this order: the built-ins, installed
packages with an entry point in the group `datasync`, and the files given with `--plugin`.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

import pluggy
import structlog

from datasync import hookspecs
from datasync.errors import DatasyncError, PluginError

ENTRY_POINT_GROUP = "datasync"

DEFAULT_PLUGINS = (
    "datasync.endpoints.datasync_api",
    "datasync.endpoints.datasync_feed",
    "datasync.endpoints.rest",
    "datasync.transforms.builtin",
    "datasync.sinks.postgres.sink",
    "datasync.sinks.jsonl.sink",
    "datasync.sinks.parquet.sink",
    "datasync.sinks.duckdb.sink",
)

_TRANSFORM_MARK = "__datasync_transform__"

F = TypeVar("F", bound=Callable[..., Any])


class Register(Protocol):
    """Handed to the `register_*` hooks."""

    def __call__(self, name: str, factory: Callable[..., Any]) -> None:
        """Offer `factory` under `name`. Raises PluginError when the name is taken."""


def transform(name: str) -> Callable[[F], F]:
    """Make a transform of a function, under `name`, without writing a hook.

    The function is registered when its module is loaded as a plugin.
    """

    def mark(function: F) -> F:
        setattr(function, _TRANSFORM_MARK, name)
        return function

    return mark


class Plugins:
    """All loaded plugins and what they registered.

    Attributes:
        hook: calls a hook in all plugins, `plugins.hook.batch_committed(...)`.
        auths, endpoints, transforms, sinks: factories by name.
    """

    def __init__(self, files: Iterable[Path] = (), *, entry_points: bool = True) -> None:
        """Load the built-ins, then the installed plugins, then `files`.

        Raises:
            PluginError: one can't be imported, or two register the same name.
        """
        self.manager = pluggy.PluginManager("datasync")
        self.manager.add_hookspecs(hookspecs)
        self.hook = self.manager.hook
        for name in DEFAULT_PLUGINS:
            self.manager.register(importlib.import_module(name), name)
        if entry_points:
            self._load_entry_points()
        for file in files:
            with blamed(f"the plugin `{file}`"):
                self.manager.register(_import_file(file), str(file))
        self.auths = self._collect("register_auth")
        self.endpoints = self._collect("register_endpoints", auths=self.auths)
        self.transforms = self._collect("register_transforms")
        self.sinks = self._collect("register_sinks")

    def _load_entry_points(self) -> None:
        with blamed("an installed plugin", hint="fix the package, or uninstall it"):
            self.manager.load_setuptools_entrypoints(ENTRY_POINT_GROUP)

    def notify(self, hook_name: str, **arguments: object) -> None:
        """Call a lifecycle hook. What it raises is logged; the data are not the plugin's to hold up."""
        try:
            getattr(self.hook, hook_name)(**arguments)
        except Exception:  # noqa: BLE001 - somebody's plugin can raise anything
            structlog.get_logger().exception("a plugin failed", hook=hook_name)

    def _collect(self, hook_name: str, **arguments: object) -> Mapping[str, Callable[..., Any]]:
        found: dict[str, Callable[..., Any]] = {}
        owners: dict[str, str] = {}
        for plugin_name, plugin in self.manager.list_name_plugin():
            if plugin is None:  # blocked by name
                continue

            def register(name: str, factory: Callable[..., Any], owner: str = plugin_name) -> None:
                if name in found:
                    raise PluginError(
                        f"{hook_name}: `{name}` is offered by both `{owners[name]}` and `{owner}`",
                        hint="rename one of them, or leave one plugin out",
                    )
                found[name] = factory
                owners[name] = owner

            if hook_name == "register_transforms" and isinstance(plugin, ModuleType):
                for function in vars(plugin).values():
                    # Only functions of this module: one imported from another plugin is registered there.
                    if hasattr(function, _TRANSFORM_MARK) and function.__module__ == plugin.__name__:
                        register(getattr(function, _TRANSFORM_MARK), function)
            others = [other for other in self.manager.get_plugins() if other is not plugin]
            with blamed(f"{hook_name} of `{plugin_name}`"):
                self.manager.subset_hook_caller(hook_name, others)(register=register, **arguments)
        return found


def resolve(kind: str, name: str, offered: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """Give what is registered under `name`, or import `module:function`.

    Raises:
        PluginError: nobody offers it, or it can't be imported.
    """
    if name in offered:
        return offered[name]
    module_name, colon, attribute = name.partition(":")
    if not colon:
        raise PluginError(
            f"no {kind} is called `{name}`",
            hint=f"known: {', '.join(sorted(offered)) or 'none'}; or name a function as `module:function`",
        )
    try:
        target = getattr(importlib.import_module(module_name), attribute)
    except Exception as error:
        raise PluginError(
            f"the {kind} `{name}` can't be imported: {type(error).__name__}: {error}",
            hint="is the module installed, or its folder in PYTHONPATH?",
        ) from error
    if not callable(target):
        raise PluginError(f"the {kind} `{name}` is not a function")
    return target  # type: ignore[no-any-return]  # checked for being callable; its signature is the plugin's promise


def _import_file(file: Path) -> ModuleType:
    name = f"datasync_plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"`{file}` is not a Python file", hint="--plugin takes the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def blamed(whose: str, hint: str | None = None) -> Iterator[None]:
    """Turn what somebody's code raises into a PluginError that names it; `sys.exit()` too, lest it pass for ours.

    Errors of ours pass: they name what they are about.
    """
    try:
        yield
    except (DatasyncError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(f"{whose} can't be loaded: {type(error).__name__}: {error}", hint=hint) from error
