"""References of a configuration file: `${NAME}`, `${NAME:-default}`, `{ env = "NAME" }` and `{ file = "path" }`."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from datasync.config import keys
from datasync.config.invalid import InvalidSpec
from datasync.config.secret import Secret
from datasync.errors import ConfigError

_REFERENCE: Final = re.compile(r"\$\$|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?", re.ASCII)

_MAPPINGS: Final = ("body", "headers", "options", "secrets")
"""Tables of free keys, in which `env` and `file` are keys like others."""


class Resolver:
    """Replaces references in what was read from a file.

    Attributes:
        origins: by path what a text was made of: `${NAME}` if it is the value of that variable and no more.
        revealed: values of variables that went into texts: no message may show them.
        names: variables that were used.
    """

    def __init__(self, variable: Callable[[str], str], folder: Path) -> None:
        """Take what looks a variable up, and the folder that paths of files are relative to."""
        self.origins: dict[keys.Path, str] = {}
        self.revealed: list[Secret] = []
        self.names: list[str] = []
        self._variable = variable
        self._folder = folder
        self._missing: dict[str, str] = {}
        self._no_files: dict[str, str] = {}

    def __call__(self, tree: Any, path: keys.Path = ()) -> Any:
        """Give `tree` with its references replaced; missing ones by nothing, see `refuse_missing`.

        Raises:
            InvalidSpec: a reference is malformed, or a secret's file can't be read.
        """
        if isinstance(tree, str):
            return self._text(tree, path)
        if isinstance(tree, Mapping):
            if _may_be_secret(path) and len(tree) == 1:
                (kind, value), *_ = tree.items()
                if kind in ("env", "file") and isinstance(value, str):
                    return self._from_env(value, path) if kind == "env" else self._from_file(value, path)
            return {key: self(value, (*path, key)) for key, value in tree.items()}
        if isinstance(tree, list):
            return [self(value, (*path, index)) for index, value in enumerate(tree)]
        return tree

    def refuse_missing(self) -> None:
        """Raise ConfigError that names everything that is referred to and isn't there."""
        wrong, hints = [], []
        if self._missing:
            wrong.append(f"not set: {_named(self._missing)}")
            hints.append("set it in the environment or in a .env file, or give a default: `${NAME:-default}`")
        if self._no_files:
            wrong.append(f"not there: {_named(self._no_files)}")
            hints.append("write the secret into that file; a path is taken from the configuration's folder")
        if wrong:
            raise ConfigError("; ".join(wrong), hint="; ".join(hints))

    def _text(self, text: str, path: keys.Path) -> str:
        names: list[str] = []

        def replace(found: re.Match[str]) -> str:
            if found[0] == "$$":
                return "$"
            if found[1] is None:
                raise InvalidSpec(
                    keys.text(path),
                    "has a `${` that begins no reference",
                    hint="a reference is `${NAME}` or `${NAME:-default}`; `$$` is a dollar",
                )
            value = self._variable(found[1])
            if value:
                names.append(found[1])
            return self._used(found[1], path, found[2], value)

        resolved = _REFERENCE.sub(replace, text)
        if names:
            written = ", ".join(f"${{{name}}}" for name in names)
            alone = _REFERENCE.fullmatch(text) is not None
            self.origins[path] = written if alone else f"{keys.text(path)} with {written}"
        return resolved

    def _used(self, name: str, path: keys.Path, default: str | None, value: str) -> str:
        if value:
            self.names.append(name)
            self.revealed.append(Secret(value, source=name))
            return value
        if default is None:
            self._missing.setdefault(name, keys.text(path))
        return default or ""

    def _from_env(self, name: str, path: keys.Path) -> Secret:
        value = self._used(name, path, None, self._variable(name))
        return Secret(value, source=f"${{{name}}}")

    def _from_file(self, written: str, path: keys.Path) -> Secret:
        file = self._folder / self._text(written, (*path, "file"))
        try:
            value = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            self._no_files.setdefault(f"the file {file}", keys.text(path))
            value = ""
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
            hint = "it is a text file that this user may read, with the secret alone in it"
            raise InvalidSpec(keys.text(path), f"the file `{file}` can't be read: {reason}", hint=hint) from None
        return Secret(value.removesuffix("\n").removesuffix("\r"), source=f"file {written}")


def _named(missing: Mapping[str, str]) -> str:
    return ", ".join(f"{what} ({where})" for what, where in missing.items())


def _may_be_secret(path: keys.Path) -> bool:
    inside = (path[:2] == ("api", "auth") and len(path) > 2) or (path[:1] == ("sink",) and len(path) > 1)
    return inside and path[-1] not in _MAPPINGS and "options" not in path
