"""Says which hooks of which plugins are called, for whoever looks for the one that does something odd."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import pluggy
import structlog


def trace(manager: pluggy.PluginManager) -> None:
    """Log each call of a hook from now on, with the plugins that implement it and what they gave.

    Arguments are told by their types alone, because they may hold records. Texts go through the log's mask.
    """

    def before(*_: object) -> None: ...

    def after(
        outcome: pluggy.Result[Any], hook: str, called: Sequence[pluggy.HookImpl], arguments: Mapping[str, Any]
    ) -> None:
        if not called:
            return
        error = outcome.exception
        ended = (
            {"results": reprlib.repr(outcome.get_result())}
            if error is None
            else {"raised": reprlib.repr(f"{type(error).__name__}: {error}")}
        )
        structlog.get_logger().info(
            "a hook was called",
            hook=hook,
            plugins=", ".join(one.plugin_name for one in reversed(called)),
            arguments=", ".join(f"{name}: {type(value).__name__}" for name, value in arguments.items()),
            **ended,
        )

    manager.add_hookcall_monitoring(before, after)
