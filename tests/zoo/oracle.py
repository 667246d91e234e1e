"""Reads an API as its configuration says, one request after the other: what datasync must come to as well."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from datasync.config.spec import (
    Config,
    CursorPaging,
    EndpointSpec,
    HeaderCursorPaging,
    KeysetPaging,
    LinkHeaderPaging,
    NextUrlPaging,
    NoPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    WindowPaging,
)
from tests.zoo.credentials import credentials

Record = dict[str, Any]
_MOST = 200
"""Requests of one walk. One that needs more goes in circles."""


class Circle(Exception):
    """The pages lead nowhere new."""


def at(body: Any, path: str) -> Any:
    """What is at a path of keys, None if it isn't there."""
    for name in filter(None, path.split(".")):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def open_client(config: Config) -> httpx.Client:
    """A client with the configuration's credentials."""
    parts = urlsplit(config.api.base_url)
    auth = credentials(config.api.auth, f"{parts.scheme}://{parts.netloc}")
    return httpx.Client(auth=auth, headers=dict(config.api.headers), trust_env=False, verify=False)


def walk(config: Config, client: httpx.Client) -> dict[str, list[Record]]:
    """The records of each endpoint, in the order in which they came; raises httpx.HTTPStatusError for a refusal."""
    found: dict[str, list[Record]] = {}
    for endpoint in config.endpoints:
        walker = _Walker(config, endpoint, client)
        if (parent := endpoint.parent) is None:
            found[endpoint.name] = walker.read(endpoint.path, endpoint.params)
            continue
        found[endpoint.name] = [
            record | ({parent.into: value} if parent.into else {})
            for row in found[parent.endpoint]
            for value in [row[parent.column]]
            for record in walker.read(endpoint.path.replace(f"{{{parent.column}}}", str(value)), endpoint.params)
        ]
    return found


class _Walker:
    def __init__(self, config: Config, endpoint: EndpointSpec, client: httpx.Client) -> None:
        self._base = config.api.base_url
        self._endpoint = endpoint
        self._client = client

    def read(self, path: str, params: Mapping[str, Any]) -> list[Record]:
        url = f"{self._base}{path}"
        if not isinstance(self._endpoint.paging, WindowPaging):
            return self._chain(self._endpoint.paging, url, params)
        return [record for span in _spans(self._endpoint.paging) for record in self._span(url, {**params, **span})]

    def _span(self, url: str, params: Mapping[str, Any]) -> list[Record]:
        assert isinstance(self._endpoint.paging, WindowPaging)
        return self._chain(self._endpoint.paging.inner, url, params)

    def _chain(self, paging: Paging, url: str, params: Mapping[str, Any]) -> list[Record]:
        found: list[Record] = []
        following: dict[str, Any] | str | None = _first(paging)
        for _ in range(_MOST):
            if isinstance(following, str):
                answer = self._client.get(httpx.URL(url).join(following))
            else:
                answer = self._ask(paging, url, {**params, **_sized(paging), **(following or {})})
            page = self._records(answer.raise_for_status())
            if page and page == found[-len(page) :]:
                raise Circle
            found += page
            following = _next(paging, answer, page, len(found))
            if following is None:
                return found
        raise Circle

    def _ask(self, paging: Paging, url: str, params: Mapping[str, Any]) -> httpx.Response:
        method, body = self._endpoint.method, dict(self._endpoint.body)
        if method == "GET":
            return self._client.get(url, params=dict(params))
        if paging.where == "body":
            return self._client.post(url, json={**body, **params})
        return self._client.post(url, params=dict(params), json=body)

    def _records(self, answer: httpx.Response) -> list[Record]:
        match self._endpoint.format:
            case "csv":
                return list(csv.DictReader(io.StringIO(answer.text, newline="")))
            case "ndjson":
                return [json.loads(line) for line in answer.text.splitlines()]
            case _:
                records = at(answer.json(), self._endpoint.records)
                assert isinstance(records, list)
                return records


def _spans(paging: WindowPaging) -> Iterator[dict[str, str]]:
    assert paging.step == "1d"
    since, now = datetime.fromisoformat(paging.start), datetime.now(UTC)
    while since < now:
        until = since + timedelta(days=1)
        yield {paging.since_param: since.isoformat(), paging.until_param: until.isoformat()}
        since = until


def _sized(paging: Paging) -> dict[str, Any]:
    return {} if paging.size is None else {paging.size_param: paging.size}


def _first(paging: Paging) -> dict[str, Any] | None:
    match paging:
        case OffsetPaging(param=param, start=start):
            return {param: start}
        case PageNumberPaging(param=param, first=first):
            return {param: first}
        case _:
            return None


def _next(paging: Paging, answer: httpx.Response, page: list[Record], read: int) -> dict[str, Any] | str | None:
    """Parameters or URL of the next page."""
    match paging:
        case CursorPaging(next=next_path, param=param):
            value = at(answer.json(), next_path)
            return {param: value} if value and at(answer.json(), paging.has_more or "-") is not False else None
        case HeaderCursorPaging(header=header, param=param):
            return {param: answer.headers[header]} if header in answer.headers else None
        case NextUrlPaging(next=next_path):
            url = at(answer.json(), next_path)
            return str(url) if url else None
        case LinkHeaderPaging(rel=rel):
            return answer.links[rel]["url"] if rel in answer.links else None
        case NoPaging() | WindowPaging():
            return None
        case OffsetPaging() | PageNumberPaging() | KeysetPaging():
            # What an API says of itself may be wrong: only a page without a record is believed to be behind the last.
            return _counted(paging, page, read) if page else None


def _counted(paging: OffsetPaging | PageNumberPaging | KeysetPaging, page: list[Record], read: int) -> dict[str, Any]:
    match paging:
        case OffsetPaging(param=param, start=start):
            return {param: start + read}
        case PageNumberPaging(param=param, first=first, size=size):
            return {param: first + -(-read // (size or len(page)))}
        case KeysetPaging(param=param, field=field):
            return {param: at(page[-1], field or "id")}
