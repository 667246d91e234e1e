"""What was found out about an API. All are plain data, and encode to JSON as they are."""

from typing import Literal, TypeAlias

import msgspec

from datasync.config.spec import Paging, Renewal
from datasync.limits.quota import Quota
from datasync.model import Kind

Sureness: TypeAlias = Literal["verified", "declared", "likely", "guess"]
"""`verified`: an answer showed it. `declared`: the API says so, and nothing was asked to see. `likely`: the sample has
it so. `guess`: one of several readings."""


class Trial(msgspec.Struct, frozen=True):
    """A question to the API and what came of it.

    Attributes:
        asked: what was tried.
        outcome: what the answer showed.
    """

    asked: str
    outcome: str


class FirstAnswer(msgspec.Struct, frozen=True):
    """The plain answer.

    Attributes:
        encoding: how the body was compressed; "" if it wasn't.
        wire_bytes, body_bytes: as it came, and decompressed.
    """

    status: int
    content_type: str
    encoding: str
    wire_bytes: int
    body_bytes: int
    seconds: float


class ColumnFound(msgspec.Struct, frozen=True):
    """A field of the records.

    Attributes:
        name: for the column.
        path: in the record.
        how: what the type was told by.
        null: records in which it is absent or null.
        unique: no two records seen have the same value.
    """

    name: str
    path: str
    kind: Kind
    how: str
    null: int = 0
    unique: bool = False


class SizeFound(msgspec.Struct, frozen=True):
    """How many records a page may have.

    Attributes:
        param: that is honoured; None: none is.
        largest: records per page that are worth asking for.
        cap: larger sizes are lowered to this one without a word.
        refused: the smallest size that was refused.
        default: records of the plain answer.
    """

    param: str | None
    largest: int | None
    cap: int | None
    refused: int | None
    default: int


class PagingFound(msgspec.Struct, frozen=True):
    """How a page leads to the next.

    Attributes:
        overlap: records of the second page that were in the first.
        why: chosen.
    """

    paging: Paging
    sureness: Sureness
    why: str
    overlap: int = 0


class CursorFound(msgspec.Struct, frozen=True):
    """How long a cursor lives.

    Attributes:
        seconds: None if nothing tells.
        how: it was told.
        refusals: codes or statuses with which one was refused that had expired.
    """

    seconds: float | None
    how: str
    refusals: tuple[str, ...] = ()


class RenewalFound(msgspec.Struct, frozen=True):
    """How a cursor that expired can be written anew.

    Attributes:
        how: it was verified.
    """

    renew: Renewal
    how: str


class ParameterFound(msgspec.Struct, frozen=True):
    """What a parameter does.

    Attributes:
        value: that was sent.
        effect: `ignored`: the answer is that without it. `honoured`: it changes as the name promises. `changes`: it
            changes, and no one can say how. `refused`: an error.
        column: whose values keep to it.
    """

    name: str
    value: str
    effect: Literal["ignored", "honoured", "changes", "refused"]
    detail: str = ""
    column: str | None = None


class OrderFound(msgspec.Struct, frozen=True):
    """In which order records come.

    Attributes:
        column: None: no column shows one.
        direction: of it.
        records: that were looked at.
    """

    column: str | None
    direction: Literal["newest first", "oldest first", "ascending", "descending", "none"]
    records: int


class AuthVariant(msgspec.Struct, frozen=True):
    """The same key as a query parameter: what the answer says then."""

    param: str
    status: int
    detail: str


class Findings(msgspec.Struct):
    """All of it. Grows while questions are asked.

    Attributes:
        url: that was asked about; without its query.
        used, allowed: requests.
        stopped: why asking ended early, or None.
        format: of the body.
        records: path to the records; None: there is none.
        key: name of the key column; None: no column will do.
        total: path in the body, or `header:Name`, to the number of all records, and the number.
        has_more: path to a boolean.
        limits: budgets that the last answer with any showed.
        retry_after: seconds, of an answer that told them.
        tried: all questions in order.
        notes: what else is worth knowing.
    """

    url: str
    allowed: int
    used: int = 0
    stopped: str | None = None
    first: FirstAnswer | None = None
    format: Literal["json", "ndjson", "csv"] = "json"
    records: str | None = None
    columns: tuple[ColumnFound, ...] = ()
    key: str | None = None
    total_path: str | None = None
    total: int | None = None
    has_more: str | None = None
    size: SizeFound | None = None
    paging: PagingFound | None = None
    cursor: CursorFound | None = None
    renewal: RenewalFound | None = None
    limits: tuple[Quota, ...] = ()
    window: float | None = None
    retry_after: float | None = None
    parameters: tuple[ParameterFound, ...] = ()
    order: OrderFound | None = None
    auth_variant: AuthVariant | None = None
    tried: list[Trial] = []
    notes: list[str] = []
