"""A stored state that somebody edited, broke, or wrote with another version: refused with what to do, never reset."""

import base64
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from datasync.errors import ConfigError, DatasyncError, ServerError
from datasync.model import Checkpoint, PartitionState, Position
from datasync.pipeline.timeline import TimeLine
from tests.faults.here import AT_ONCE, ingest_here
from tests.scripted import Answer, ScriptedApi, page
from tests.support import Database

pytestmark = pytest.mark.usefixtures("workdir")

FRESH = base64.b64encode(b'{"id": "a", "ts": 1705314600000, "v": 2}').decode()


def built(cursor: str) -> bool:
    """Whether it is one that names the place behind the first page."""
    try:
        token = json.loads(base64.b64decode(cursor))
    except ValueError:
        return False
    return (token["id"], token["ts"]) == ("a", 1705314600000)


class Expiring:
    """Two pages. The cursor of the second one works until the first run has stopped there."""

    def __init__(self) -> None:
        self.expired = False

    def __call__(self, cursor: str | None) -> Answer:
        if cursor is None:
            return page(["a"], FRESH if self.expired else "second", total=2)
        if not self.expired:
            return 503, {}, b""
        return page(["b"], None, total=2) if built(cursor) else (400, {}, b'{"code": "CURSOR_EXPIRED"}')


@pytest.mark.fault(67)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("position = '{}'", "contract_changed"),
        ("position = '[1]'", "config"),
        ('position = \'{"id": [], "ts": {}}\'', "config"),
        ("until_ms = 5", "config"),
        ("cursor_value = repeat('x', 10000)", None),
    ],
)
def test_a_checkpoint_that_was_edited_is_refused_with_what_to_do_or_gone_on_from(
    database: Database, change: str, code: str | None
) -> None:
    script = Expiring()
    with ScriptedApi(script) as api:
        with pytest.raises(ServerError):
            ingest_here(database, api.base_url, http=AT_ONCE)
        database.execute(f"UPDATE stream_partitions SET {change}")
        script.expired = True
        api.asked.clear()
        if code is None:
            ingest_here(database, api.base_url)
        else:
            with pytest.raises(DatasyncError) as caught:
                ingest_here(database, api.base_url)
            assert caught.value.code == code
            assert "--restart" in str(caught.value.hint)
        assert None not in api.asked, "nothing began anew"
        assert database.value("SELECT count(*) FROM ingested_events") == (1 if code else 2)
        ingest_here(database, api.base_url, restart=True)
    assert database.value("SELECT count(*) FROM ingested_events") == 2


@pytest.mark.fault(67)
def test_a_checkpoint_without_a_place_is_read_again_from_the_beginning_and_that_is_said(database: Database) -> None:
    script = Expiring()
    with ScriptedApi(script) as api:
        with pytest.raises(ServerError):
            ingest_here(database, api.base_url, http=AT_ONCE)
        database.execute("UPDATE stream_partitions SET position = NULL, cursor_value = 'gone'")
        script.expired = True
        with capture_logs() as lines:
            ingest_here(database, api.base_url)
    assert [line["pages"] for line in lines if "reading again from the beginning" in line["event"]] == [1]
    assert database.value("SELECT count(*) FROM ingested_events") == 2


@pytest.mark.fault(67)
@pytest.mark.parametrize(
    "position", [{}, {"ts": "yesterday"}, {"ts": None}, {"id": "a", "ts": [5]}, [1], "text", {"id": 1.5, "ts": 5}]
)
def test_a_position_of_a_windowed_endpoint_that_was_edited_is_refused(position: Any) -> None:
    def moment(found: Position) -> int:
        return int(found["ts"])

    state = PartitionState(checkpoint=Checkpoint(cursor="c", position=position, pages=1))
    if not position:  # none is known: the cursor decides
        TimeLine([state], moment)
        return
    with pytest.raises(ConfigError) as caught:
        TimeLine([state], moment)
    assert "--restart" in str(caught.value.hint)
