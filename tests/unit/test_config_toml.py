import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.config.toml import dumps

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_SCALARS = st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | _TEXT
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(_TEXT, _VALUES, max_size=4))
def test_what_was_written_is_read_back(tree: dict[str, Any]) -> None:
    assert tomllib.loads(dumps(tree)) == tree


def test_what_toml_has_no_word_for_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        dumps({"a": None})
