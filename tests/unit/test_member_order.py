"""Only where nobody sees it are the members of a record put into another order."""

import msgspec
import pytest

from datasync.config import Secret, Settings
from datasync.plugins import Plugins
from datasync.runs import parts

PAGE = b'{"data":[{"type":"click","id":"a"}],"pagination":{"hasMore":false,"nextCursor":null}}'


@pytest.mark.parametrize(
    ("sink", "sent"),
    [
        ("postgres", b'{"id":"a","type":"click"}'),
        ("jsonl", b'{"type":"click","id":"a"}'),
        ("of-a-plugin", b'{"type":"click","id":"a"}'),
    ],
)
def test_members_go_to_postgresql_in_its_order_and_anywhere_else_as_they_came(sink: str, sent: bytes) -> None:
    key = Secret("unused", source="test")
    settings = msgspec.structs.replace(Settings(key, "http://unused", key), sink=sink)
    plugins = Plugins()
    lane = parts.lane(parts.endpoint(settings, plugins), settings, plugins)
    chunk = lane.encode(PAGE, cursor=None, now_us=1_800_000_000_000_000)
    assert chunk.copy is not None
    assert bytes(memoryview(chunk.copy)).endswith(sent)
