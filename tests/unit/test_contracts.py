"""What a plugin gives is looked at before anything relies on it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from datasync import contracts
from datasync.contracts import checked, made
from datasync.endpoints.datasync_api import EventsEndpoint
from datasync.endpoints.datasync_feed import FeedEndpoint
from datasync.errors import PluginError
from datasync.executors.local import LocalExecutor
from datasync.plugins import Plugins
from datasync.sinks.postgres.sink import PostgresSink
from datasync.testing.check_sinks import PLAN
from datasync.testing.checks import example_settings

SETTINGS = example_settings()


def endpoint(**members: object) -> EventsEndpoint:
    """One that is like ours but for some members."""
    return type("Mine", (EventsEndpoint,), members)(SETTINGS)  # type: ignore[no-any-return]


def refused(kind: Any, thing: object) -> str:
    with pytest.raises(PluginError) as caught:
        checked(kind, "mine", "their-plugin", thing)
    assert f"the {kind} `mine` of `their-plugin`" in str(caught.value)
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("built_in", [EventsEndpoint, FeedEndpoint])
def test_our_own_parts_keep_their_contracts(built_in: Callable[..., Any]) -> None:
    checked("endpoint", "x", "y", built_in(SETTINGS))
    checked("sink", "x", "y", PostgresSink(SETTINGS, "stream", PLAN))
    checked("executor", "x", "y", LocalExecutor(SETTINGS))


@pytest.mark.fault(62)
def test_everything_that_is_missing_is_listed_at_once() -> None:
    message = refused("endpoint", object())
    for name in ("name", "plan", "cursor_ttl", "auth", "request", "check", "turn", "following", "position", "reseek"):
        assert f"`{name}` is missing" in message
    assert refused("sink", None).count("is missing") == 5
    assert "`run` is missing" in refused("executor", 5)


def raising(_self: object) -> None:
    raise ValueError("mine")


async def asynchronous(_self: object, _one: object) -> None: ...


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"name": 5}, "`name` is an int, not str"),
        ({"plan": {"records": "data"}}, "`plan` is a dict, not EncoderPlan"),
        ({"plan": property(raising)}, "`plan` raises ValueError: mine"),
        ({"cursor_ttl": "5"}, "`cursor_ttl` is a str, not float or None"),
        ({"check": None}, "`check` is a NoneType, not a method"),
        ({"check": lambda _self: None}, "`check` takes () instead of (answer)"),
        ({"check": asynchronous}, "`check` is async"),
        (
            {"turn": lambda _self, chunk, *, _answer: chunk},
            "`turn` takes (chunk, _answer) instead of (chunk, answer, cursor)",
        ),
        ({"begin": lambda _self: None}, "`begin` takes () instead of (since_us)"),
        (
            {"request_window": lambda _s: 1, "moment": lambda _s, p: p},
            "`request_window` takes () instead of (cursor, window)",
        ),
    ],
)
def test_a_member_of_another_kind_is_named(members: dict[str, object], said: str) -> None:
    assert said in refused("endpoint", endpoint(**members))


def test_what_a_type_checker_takes_is_taken() -> None:
    class Slow(httpx.Auth): ...

    def check(_self: object, reply: object, *, more: int = 1) -> None: ...

    checked("endpoint", "x", "y", endpoint(cursor_ttl=5, check=check, request=lambda *_, **__: None))
    checked("endpoint", "x", "y", endpoint(auth=property(lambda _: Slow(), lambda *_: None)))


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("function", "said"),
    [
        (5, "it is not a function"),
        (lambda: None, "it takes () instead of one record"),
        (lambda one, two: one or two, "it takes (one, two) instead of one record"),
        (lambda *, record: record, "it takes (record) instead of one record"),
        (partial(asynchronous, 1), "it is async"),
    ],
)
def test_a_transform_is_a_function_of_one_record(function: object, said: str) -> None:
    assert said in refused("transform", function)


@pytest.mark.parametrize("function", [dict, lambda record, _more=1: record, lambda *all_: all_[0], {}.get])
def test_any_function_that_can_take_one_record_is_a_transform(function: object) -> None:
    assert checked("transform", "x", "y", function) is function


def test_what_a_factory_raises_or_gives_names_the_plugin(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import datasync\n\n@datasync.hookimpl\ndef register_endpoints(register):\n"
        "    register('none', lambda settings: None)\n    register('fails', lambda settings: 1 / 0)\n"
        "    register('exits', lambda settings: exit())\n    register('mistyped', lambda: None)\n\n"
        "@datasync.transform('two')\ndef two(one, other): pass\n"
    )
    plugins = Plugins([file], entry_points=False)
    for name in ("none", "fails", "exits", "mistyped"):
        with pytest.raises(PluginError, match=rf"the endpoint `{name}` of `.*mine\.py`"):
            made(plugins, "endpoint", name, SETTINGS)
    with pytest.raises(PluginError, match=r"the transform `two` of `.*mine\.py`"):
        contracts.transform(plugins, "two")
    with pytest.raises(
        PluginError, match=r"the transform `tests\.unit\..*:raise_nothing` of `tests\.unit\.test_contracts`"
    ):
        contracts.transform(plugins, "tests.unit.test_contracts:raise_nothing")
    assert made(plugins, "endpoint", "datasync", SETTINGS).name == "datasync.events"


def raise_nothing() -> None: ...
