"""Reads the configurations beside this file as plainly as can be: TOML, `${NAME}` by a table, structs."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from datasync.config.secret import Secret
from datasync.config.spec import Config

FOLDER = Path(__file__).parent / "configs"


def path_of(name: str) -> Path:
    """Where the configuration for a species is."""
    return FOLDER / f"{name}.toml"


def read(path: Path, variables: Mapping[str, str]) -> Config:
    """The configuration in a file; raises KeyError for a variable that isn't given."""
    filled = _filled(tomllib.loads(path.read_text()), variables)
    return msgspec.convert(filled, Config, dec_hook=_secret)


def _secret(type_: type, value: Any) -> Any:
    assert type_ is Secret
    return Secret(value, source="test")


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, variables) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda found: variables[found[1]], value)
    return value
