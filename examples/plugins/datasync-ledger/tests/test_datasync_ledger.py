"""The endpoint, over recorded answers."""

import hashlib
import hmac
from typing import Any

import httpx
import pytest
from datasync_ledger import LedgerEndpoint, SignedAuth

from datasync.config import Secret
from datasync.errors import ContractChanged
from datasync.http.transport import Answer
from datasync.testing.checks import check_endpoint, example_settings, recorded


def page(numbers: range, head: int) -> Answer:
    entries = [{"id": f"e{n}", "kind": "credit", "amount": 0.1, "bookedAt": 1705314600 + n} for n in numbers]
    body: dict[str, Any] = {"entries": entries, "last": numbers[-1] if numbers else 0}
    return recorded(body, headers={"X-Ledger-Head": str(head)})


def test_all_entries_are_read_once_and_the_head_is_the_end() -> None:
    driven = check_endpoint(LedgerEndpoint(example_settings()), [page(range(1, 4), 5), page(range(4, 6), 5)])
    assert [row[0] for row in driven.rows] == ["e1", "e2", "e3", "e4", "e5"]
    assert {row[1] for row in driven.rows} == {"credit"}
    assert [request.params["after"] for request in driven.requests] == [0, 3]


def test_an_empty_ledger_is_one_page() -> None:
    assert check_endpoint(LedgerEndpoint(example_settings()), [page(range(0), 0)]).rows == []


def test_without_the_head_the_end_is_not_guessed() -> None:
    with pytest.raises(ContractChanged, match="x-ledger-head"):
        check_endpoint(LedgerEndpoint(example_settings()), [recorded({"entries": [], "last": 0})])


def test_a_request_is_signed_and_the_key_stays_here() -> None:
    auth = SignedAuth(Secret("ledger-key", source="test"), clock=lambda: 1705314600.9)
    request = next(auth.sync_auth_flow(httpx.Request("GET", "https://h/v1/entries?after=0&limit=500")))
    text = b"1705314600\nGET\n/v1/entries?after=0&limit=500"
    assert request.headers["X-Ledger-Signature"] == hmac.new(b"ledger-key", text, hashlib.sha256).hexdigest()
    assert "ledger-key" not in str(request.headers)
