"""Where plugins come from: datasync itself, installed packages, files. Nothing here knows what a plugin may do."""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import entry_points, version
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from datasync import envvars
from datasync.errors import PluginError

ENTRY_POINT_GROUP: Final = "datasync"

Origin: TypeAlias = Literal["built-in", "entry point", "file"]

T = TypeVar("T")


class Source(msgspec.Struct, frozen=True):
    """A plugin that could be loaded.

    Attributes:
        name: of the entry point or the module, or the file's path.
        load: imports it and gives it; raises whatever its code raises.
        distribution, version: of the package it comes with, or None.
    """

    name: str
    origin: Origin
    load: Callable[[], object]
    distribution: str | None = None
    version: str | None = None


def built_in(modules: Iterable[str]) -> Iterator[Source]:
    """Give the modules of datasync that register something."""
    number = version("datasync")
    for module in modules:
        yield Source(module, "built-in", partial(importlib.import_module, module), "datasync", number)


def installed(chosen: str | None) -> Iterator[Source]:
    """Give the installed plugins, by name.

    Args:
        chosen: names separated by commas, of those that are wanted; "" is none of them, None is all.

    Raises:
        PluginError: a chosen one isn't installed.
    """
    wanted = None if chosen is None else {name.strip() for name in chosen.split(",")} - {""}
    if wanted == set():
        return
    # By name and package: the order in which folders are searched must not decide anything.
    found = sorted(
        entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.dist.name if point.dist else "")
    )
    missing = (wanted or set()) - {point.name for point in found}
    if missing:
        known = ", ".join(dict.fromkeys(point.name for point in found)) or "none"
        raise PluginError(
            f"{envvars.LOAD_PLUGINS} names what is not installed: {', '.join(sorted(missing))}",
            hint=f"installed plugins: {known}",
        )
    for point in found:
        if wanted is None or point.name in wanted:
            dist = point.dist
            yield Source(
                point.name, "entry point", point.load, dist.name if dist else None, dist.version if dist else None
            )


def in_files(files: Iterable[Path]) -> Iterator[Source]:
    """Give the plugins in files, each once."""
    for file in {file.resolve(): file for file in files}.values():
        yield Source(str(file), "file", partial(_import_file, file))


def _import_file(file: Path) -> ModuleType:
    # Two files of one name in different folders are two modules.
    names = (f"datasync_plugin_{file.stem}{number or ''}" for number in count())
    name = next(name for name in names if name not in sys.modules)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"`{file}` is not a Python file", hint="--plugin takes the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def bounded(call: Callable[[], T], seconds: float) -> T:
    """Give what `call` gives, in a thread of its own that is left behind when it takes longer.

    Raises:
        TimeoutError: it hasn't returned in time; it may go on.
    """
    given: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            given.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            raised.append(error)

    thread = threading.Thread(target=run, name="plugin", daemon=True)
    thread.start()
    thread.join(seconds)
    for error in raised:
        raise error
    if not given:
        raise TimeoutError(f"it didn't return within {seconds:g} s")
    return given[0]
