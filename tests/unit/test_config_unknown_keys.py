from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasync.config import keys
from datasync.errors import ConfigError
from tests.config_trees import AUTHS, PAGINGS, SINKS, read, tables, tree

shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    return deepcopy(
        tree(
            draw(st.integers(0, len(AUTHS) - 1)),
            draw(st.integers(0, len(SINKS) - 1)),
            draw(st.integers(0, len(PAGINGS) - 1)),
        )
    )


@shared_folder
@given(trees())
def test_every_kind_of_everything_is_read(tmp_path: Path, content: dict[str, Any]) -> None:
    assert [endpoint.name for endpoint in read(content, tmp_path).endpoints] == ["orders", "notes", "events"]


@shared_folder
@given(trees(), st.data(), st.text("abcxyz_-. \"'é", min_size=1, max_size=8).map(lambda text: f"zz{text}"))
def test_an_unknown_key_anywhere_is_refused_with_its_path(
    tmp_path: Path, content: dict[str, Any], data: st.DataObject, name: str
) -> None:
    path = data.draw(st.sampled_from(list(tables(content))))
    keys.at(content, path)[name] = 1
    with pytest.raises(ConfigError) as caught:
        read(content, tmp_path)
    written = keys.text((*path, name), content)
    assert str(caught.value) == f"{tmp_path / 'datasync.toml'}: {written}: nothing reads this key"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(("known are", "is "))


@pytest.mark.parametrize(
    ("path", "wrong", "meant"),
    [
        ((), "endpoints", "endpoint"),
        (("api",), "base-url", "base_url"),
        (("api", "auth"), "header_name", "header"),
        (("endpoint", 0, "paging"), "nxt", "next"),
        (("endpoint", 0, "table"), "column", "columns"),
        (("budget", "slow"), "concurency", "concurrency"),
    ],
)
def test_what_was_meant_is_told(tmp_path: Path, path: keys.Path, wrong: str, meant: str) -> None:
    content = deepcopy(tree())
    keys.at(content, path)[wrong] = 1
    with pytest.raises(ConfigError) as caught:
        read(content, tmp_path)
    assert caught.value.hint == f"is {meant} meant?"
