"""Any number of rejects is kept in pieces, as it would be at once."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasync.sinks.postgres import quarantine
from tests.quarantine import Refused, fill
from tests.support import Database

NUMBER = count()
REFUSED = st.tuples(st.sampled_from(["syntax", "nul_character"]), st.sampled_from([b"{}", b"[]", b"null", b"1", b"2"]))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(refused=st.lists(REFUSED, min_size=1, max_size=12), piece=st.integers(1, 5))
def test_in_pieces_of_any_size_each_record_is_kept_once_and_in_order(
    database: Database, monkeypatch: pytest.MonkeyPatch, refused: list[Refused], piece: int
) -> None:
    monkeypatch.setattr(quarantine, "PIECE", piece)
    stream = f"stream{next(NUMBER)}"
    fill(database, refused, stream)
    rows = database.fetch("SELECT code, raw FROM quarantined_events WHERE stream = $1 ORDER BY id", stream)
    assert [(row["code"], row["raw"]) for row in rows] == list(dict.fromkeys(refused))
    (state,) = database.fetch("SELECT quarantined FROM cursor_state WHERE stream = $1", stream)
    assert state["quarantined"] == len(rows)
