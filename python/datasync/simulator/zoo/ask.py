"""A request to a species and the answer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from starlette.requests import Request

from datasync.simulator.zoo.data import Record, ZooData

if TYPE_CHECKING:
    from datasync.simulator.zoo.state import Zoo


class Refused(Exception):
    """Ends a request with an error body of the API."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


class Reply(msgspec.Struct, kw_only=True):
    """One answer.

    Attributes:
        body: As it goes out.
        ids: Of the records in it.
    """

    body: bytes
    ids: list[str] = []
    headers: dict[str, str] = {}
    status: int = 200
    media: str = "application/json"


class Ask:
    """One request.

    Attributes:
        zoo: The zoo that is asked.
        request: What was asked.
        body: Of the request.
        params: Of the query; a pager that takes its parameters from a JSON body puts them here instead.
    """

    def __init__(self, zoo: Zoo, request: Request, body: bytes) -> None:
        self.zoo = zoo
        self.request = request
        self.body = body
        self.params: dict[str, Any] = dict(request.query_params)

    @property
    def data(self) -> ZooData:
        """The zoo's records."""
        return self.zoo.data

    def read_body(self) -> None:
        """Take the parameters from the JSON body."""
        if not self.request.headers.get("content-type", "").startswith("application/json"):
            raise Refused(415, "unsupported_media_type", "send application/json")
        try:
            self.params = msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise Refused(400, "invalid_json", "the body is no JSON object") from error

    def number(self, name: str, default: int, least: int = 0) -> int:
        """Give a parameter that is a whole number of at least `least`."""
        value = self.params.get(name, default)
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            raise Refused(400, "invalid_parameter", f"{name} must be a whole number") from error
        if number < least:
            raise Refused(400, "invalid_parameter", f"{name} must be at least {least}")
        return number

    def link(self, *, absolute: bool = True, **changed: int | str) -> str:
        """Give this request's URL with changed parameters."""
        url = self.request.url.include_query_params(**changed)
        return str(url) if absolute else f"{url.path}?{url.query}"


class Pager(Protocol):
    """Answers a request whose credentials are right."""

    def page(self, ask: Ask) -> Reply:
        """Give the page that was asked for.

        Raises:
            Refused: The parameters make no sense.
        """
        ...


class Guard(Protocol):
    """Looks at a request's credentials."""

    def check(self, ask: Ask) -> None:
        """Let a request pass.

        Raises:
            Refused: Its credentials are absent or wrong.
        """
        ...


def page_of(records: list[Record], at: str, fields: dict[str, Any], headers: dict[str, str] | None = None) -> Reply:
    """Give an answer with records at a path, "" for an array at the root, and fields at paths of their own."""
    body: Any = records
    if at:
        body = {}
        for path, value in {at: records, **fields}.items():
            place, *names = body, *path.split(".")
            for name in names[:-1]:
                place = place.setdefault(name, {})
            place[names[-1]] = value
    ids = [record["id"] for record in records]
    return Reply(body=msgspec.json.encode(body), ids=ids, headers=headers or {})
