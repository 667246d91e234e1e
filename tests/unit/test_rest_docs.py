"""What the documents on paging and credentials show is what the configuration takes."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datasync.config import Secret
from datasync.config.spec import Api, EndpointSpec, NoPaging
from datasync.endpoints.rest import RestEndpoint
from datasync.plugins import Plugins
from tests.resting import BASE, NOW, settings

DOCS = Path(__file__).parents[2] / "docs"


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / document).read_text(), re.DOTALL | re.MULTILINE)


def secret(_kind: type, value: Any) -> Secret:
    return Secret(value.replace("${", "").replace("}", ""), source="document")


def converted(found: Any, kind: Any) -> Any:
    return msgspec.convert(found, kind, dec_hook=secret)


@pytest.mark.parametrize("text", blocks("paging.md", "toml"))
def test_every_endpoint_of_the_document_is_built(text: str) -> None:
    for found in tomllib.loads(text)["endpoint"]:
        run = msgspec.structs.replace(settings(NoPaging()), spec=converted(found, EndpointSpec))
        endpoint = RestEndpoint(run, now=lambda: NOW)
        assert endpoint.name == found["name"]
        endpoint.request(None)


@pytest.mark.parametrize("text", blocks("authentication.md", "toml"))
def test_every_kind_of_credentials_of_the_document_is_built(text: str, tmp_path: Path) -> None:
    (plugin,) = blocks("authentication.md", "python")
    file = tmp_path / "signing.py"
    file.write_text(plugin)
    plugins = Plugins([file], entry_points=False)
    api = converted({"base_url": BASE, **tomllib.loads(text)["api"]}, Api)
    run = msgspec.structs.replace(settings(NoPaging()), api=api)
    assert plugins.endpoints["rest"](run).auth is not None


def test_the_documents_show_some() -> None:
    assert len(blocks("paging.md", "toml")) >= 4
    assert len(blocks("authentication.md", "toml")) >= 4
