"""docs/configuration.md tells every key with its default, and its examples are read."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datasync.config import file, spec
from datasync.config.compile import runs
from datasync.config.spec.paging import _Paging

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
TEXT = DOCUMENT.read_text()
SECTIONS = dict(re.findall(r"^#+ (.*)\n((?:(?!^#+ ).*\n)*)", TEXT, re.MULTILINE))

PLAIN = {
    spec.Config: "The file",
    spec.Api: "api",
    spec.Budget: "budget.NAME",
    spec.EndpointSpec: "endpoint",
    spec.Incremental: "incremental",
    spec.Parent: "parent",
    spec.Renewal: "renew",
    spec.Table: "table",
    spec.ColumnSpec: "columns",
    spec.Child: "children",
}


def heading(struct: type[msgspec.Struct]) -> str:
    if struct in PLAIN:
        return PLAIN[struct]
    (family,) = [name for name, union in (("auth", spec.Auth), ("sink", spec.SinkSpec), ("paging", spec.Paging))
                 if struct in union.__args__]  # fmt: skip
    return f"{family}: {struct.__struct_config__.tag}"


STRUCTS = [one for one in (getattr(spec, name) for name in spec.__all__) if isinstance(one, type)]


def written(default: Any) -> str:
    if default is msgspec.NODEFAULT:
        return "required"
    if default is None:
        return "–"  # noqa: RUF001  # as a table has it
    if isinstance(default, spec.NoAuth | spec.NoPaging):
        return '`"none"`'
    if isinstance(default, spec.Table):
        return "`{}`"
    return f"`{json.dumps(0 if default == 0.0 and default is not False else default)}`"


def rows(struct: type[msgspec.Struct]) -> dict[str, str]:
    section = SECTIONS[heading(struct)] + (SECTIONS["paging: every kind"] if issubclass(struct, _Paging) else "")
    found: dict[str, str] = {}
    for key, default in re.findall(r"^\| `(\w+)` \| (.*?) \| .+ \|$", section, re.MULTILINE):
        found.setdefault(key, default)  # a kind's own word on a key comes first
    return found


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_key_is_told_with_its_default(struct: type[msgspec.Struct]) -> None:
    fields = msgspec.structs.fields(struct)
    defaults = {
        field.encode_name: written(
            field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        )
        for field in fields
    }
    assert rows(struct) == defaults


def test_the_examples_are_read_and_make_runs(tmp_path: Path) -> None:
    environ = dict.fromkeys(["API_TOKEN", "PGPASSWORD", "API_KEY"], "x" * 8)
    environ |= {"DATABASE_URL": "postgresql://u:p@h/d", "API_BASE_URL": "https://h/v1"}
    (tmp_path / "shop").write_text("s3cret\n")
    (tmp_path / "empty.env").touch()
    examples = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert len(examples) == 3
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.toml"
        path.write_text(example.replace("/run/secrets/shop", "shop"))
        assert runs(file.read(path, environ, env_file=tmp_path / "empty.env"))
