"""The plugin manager: loads plugins and keeps what they register.

Built-ins register through the same hooks as everybody else. Sources of plugins, in this order: the built-ins, installed
packages with an entry point in the group `datasync`, and the files given with `--plugin`. An installed plugin that
fails is left out whole, with a warning: it concerns only those who use it. A file that fails is an error: somebody
named it.
"""

import importlib
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec
import pluggy
import structlog

from datasync import envvars, hookspecs
from datasync.errors import DatasyncError, PluginError
from datasync.plugin_offers import KINDS, Factory, Kind, Offered, Register, asked, transform
from datasync.plugin_sources import Origin, Source, bounded, built_in, in_files, installed
from datasync.plugin_trace import trace

__all__ = ["DEFAULT_PLUGINS", "HOOKS", "Kind", "Loaded", "Plugins", "Register", "blamed", "resolve", "transform"]

DEFAULT_PLUGINS = (
    "datasync.endpoints.datasync_api",
    "datasync.endpoints.datasync_feed",
    "datasync.endpoints.rest",
    "datasync.transforms.builtin",
    "datasync.sinks.postgres.sink",
    "datasync.sinks.jsonl.sink",
    "datasync.sinks.parquet.sink",
    "datasync.sinks.duckdb.sink",
    "datasync.executors.local",
)

HOOKS: Final = tuple(name for name, value in vars(hookspecs).items() if hasattr(value, "datasync_spec"))
"""The names of all hooks."""

PATIENCE: Final = 30.0
"""Seconds that importing a plugin, or one of its registration hooks, may take."""


class Loaded(msgspec.Struct):
    """A plugin, or what is left of it.

    Attributes:
        hooks: that it implements.
        registered: names by kind.
        failure: why it is left out, or None.
    """

    name: str
    origin: Origin
    distribution: str | None
    version: str | None
    hooks: tuple[str, ...] = ()
    registered: dict[Kind, tuple[str, ...]] = {}
    failure: PluginError | None = None


class Plugins:
    """All loaded plugins and what they registered.

    Attributes:
        hook: calls a hook in all plugins, `plugins.hook.batch_committed(...)`.
        all: every plugin, those that are left out too, in the order of loading.
        auths, endpoints, transforms, sinks, executors: factories by name.
    """

    def __init__(
        self,
        files: Iterable[Path] = (),
        *,
        entry_points: bool = True,
        environ: Mapping[str, str] = os.environ,
        patience: float = PATIENCE,
        tolerant: bool = False,
    ) -> None:
        """Load the built-ins, then the installed plugins, then `files`.

        Args:
            files: plugins in files.
            entry_points: load installed ones.
            environ: may say which installed ones, and whether to trace; see `envvars`.
            patience: seconds for each import and registration.
            tolerant: say nothing of plugins that fail, and raise nothing: the caller reads `all`.

        Raises:
            PluginError: one of `files` fails, or a plugin that the environment names isn't installed.
        """
        self.manager = pluggy.PluginManager("datasync")
        self.manager.add_hookspecs(hookspecs)
        if environ.get(envvars.TRACE_PLUGINS, "") not in ("", "0"):
            trace(self.manager)
        self.hook = self.manager.hook
        self._patience = patience
        self.all: list[Loaded] = []
        failed: list[str] = []
        self._offered = {kind: Offered(failed) for kind in KINDS}
        packages = installed(environ.get(envvars.LOAD_PLUGINS)) if entry_points else ()
        for source in chain(built_in(DEFAULT_PLUGINS), packages, in_files(files)):
            one = Loaded(source.name, source.origin, source.distribution, source.version)
            self.all.append(one)
            try:
                self._load(source, one)
            except PluginError as error:
                one.failure = error
                if not tolerant:
                    self._complain(one, error)
                failed.append(str(error))
        self.auths = self._offered["auth"]
        self.endpoints = self._offered["endpoint"]
        self.transforms = self._offered["transform"]
        self.sinks = self._offered["sink"]
        self.executors = self._offered["executor"]

    def offered(self, kind: Kind) -> Offered:
        """Give the factories of a kind by name."""
        return self._offered[kind]

    def owner(self, kind: Kind, name: str) -> str:
        """Give the plugin that offers `name`, or the module of `module:function`."""
        return self._offered[kind].owners.get(name, name.partition(":")[0])

    def notify(self, hook_name: str, **arguments: object) -> None:
        """Call a lifecycle hook. What a plugin raises is logged; data and other plugins are not its to hold up."""
        for name, call in self.callers(hook_name):
            try:
                call(**arguments)
            except KeyboardInterrupt:
                raise
            except BaseException:  # noqa: BLE001 - somebody's plugin can raise anything, SystemExit too
                structlog.get_logger().exception("a plugin failed", plugin=name, hook=hook_name, code=PluginError.code)

    def callers(self, hook_name: str) -> Iterator[tuple[str, Callable[..., object]]]:
        """Give each plugin that implements a hook, by name, with what calls the hook of that plugin alone."""
        everybody = self.manager.get_plugins()
        for implementation in reversed(getattr(self.hook, hook_name).get_hookimpls()):
            others = everybody - {implementation.plugin}
            yield implementation.plugin_name, self.manager.subset_hook_caller(hook_name, others)

    def _load(self, source: Source, one: Loaded) -> None:
        whose = f"the plugin `{source.name}`"
        try:
            with blamed(whose, hint="fix the package, or uninstall it" if source.origin == "entry point" else None):
                self._admit(bounded(source.load, self._patience), one)
        except DatasyncError as error:
            if isinstance(error, PluginError) and whose in str(error):
                raise
            raise PluginError(f"{whose} can't be loaded: {error}", hint=error.hint) from error

    def _admit(self, plugin: object, one: Loaded) -> None:
        one.hooks = self._hooks(plugin)
        self.manager.register(plugin, one.name)
        try:
            found = {kind: bounded(partial(self._ask, plugin, kind), self._patience) for kind in KINDS}
            self._take(found, one)
        except BaseException:
            self.manager.unregister(plugin)  # it is in or out, and its other hooks with it
            raise

    def _hooks(self, plugin: object) -> tuple[str, ...]:
        """The hooks that a plugin implements; pluggy would take any name for one, and never await a coroutine."""
        if inspect.isclass(plugin):
            raise PluginError("it is a class", hint="let the entry point name a module, or an object of that class")
        hooks = []
        for name in dir(plugin):
            options = self.manager.parse_hookimpl_opts(plugin, name)
            if options is None:
                continue
            hook = options.get("specname") or name
            if hook not in HOOKS:
                if options.get("optionalhook"):
                    continue
                raise PluginError(f"`{hook}` is no hook", hint=f"hooks are {', '.join(HOOKS)}")
            if inspect.iscoroutinefunction(getattr(plugin, name)):
                raise PluginError(f"its hook `{hook}` is async", hint="hooks are plain functions: write `def`")
            hooks.append(hook)
        return tuple(hooks)

    def _ask(self, plugin: object, kind: Kind) -> dict[str, Factory]:
        others = self.manager.get_plugins() - {plugin}
        # Live: whoever makes an endpoint looks when all plugins are loaded.
        more = {"auths": self._offered["auth"]} if kind == "endpoint" else {}
        return asked(plugin, kind, self.manager.subset_hook_caller(KINDS[kind], others), **more)

    def _take(self, found: Mapping[Kind, Mapping[str, Factory]], one: Loaded) -> None:
        """Offer what a plugin has, or nothing of it."""
        origins = {loaded.name: loaded.origin for loaded in self.all}
        disputed: list[tuple[Kind, str, str]] = []
        for kind, factories in found.items():
            owners = self._offered[kind].owners
            for name in factories.keys() & owners.keys():
                message = f"{KINDS[kind]}: `{name}` is offered by both `{owners[name]}` and `{one.name}`"
                if {origins[owners[name]], one.origin} != {"entry point"}:
                    raise PluginError(message, hint="rename one of them, or leave one plugin out")
                # Which of two packages is meant nobody can tell, and it matters only to who uses the name.
                disputed.append((kind, name, message))
        for kind, name, message in disputed:
            structlog.get_logger().warning("two plugins offer the same", reason=message)
            self._offered[kind].disputed[name] = message
        for kind, factories in found.items():
            self._offered[kind].take(factories, one.name)
        one.registered = {kind: tuple(factories) for kind, factories in found.items() if factories}

    def _complain(self, one: Loaded, error: PluginError) -> None:
        if one.origin != "entry point":
            raise error
        hint = {} if error.hint is None else {"hint": error.hint}
        structlog.get_logger().warning("a plugin is left out", plugin=one.name, reason=str(error), **hint)


def resolve(kind: str, name: str, offered: Mapping[str, Factory]) -> Factory:
    """Give what is registered under `name`, or import `module:function`.

    Raises:
        PluginError: nobody offers it, two do, or it can't be imported.
    """
    if name in offered:
        return offered[name]
    failed: Sequence[str] = ()
    if isinstance(offered, Offered):
        failed = offered.failed
        if name in offered.disputed:
            raise PluginError(offered.disputed[name], hint=f"choose one of them with {envvars.LOAD_PLUGINS}")
    module_name, colon, attribute = name.partition(":")
    if not colon:
        raise PluginError(
            "; ".join([f"no {kind} is called `{name}`", *failed]),
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
