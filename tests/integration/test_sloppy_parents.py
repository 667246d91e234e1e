"""Children of several parents, whose cursors expire."""

import pytest

from datasync.config import Secret
from datasync.config.spec import (
    CursorPaging,
    Parent,
    PostgresTo,
)
from datasync.errors import EndpointsFailed
from tests.scripted import Answer, Asked, Server
from tests.sloppy import CHAIN, EXPIRED, answer, ingest, once, records, spec
from tests.support import Database


class Parents:
    """Three parents, and for each a list of thirty, ten a page."""

    def __init__(self, *expires: str, fresh: bool = False, never: str = "") -> None:
        self.expires = set(expires)
        self.never = never
        self.fresh = fresh
        self.asked = 0

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/parents":
            return answer({"data": records(1, 2, 3), "next": None})
        self.asked += 1
        cursor = asked.query.get("cursor", "")
        begin = int(cursor.partition("-")[0] or 0)
        parent = int(asked.path.split("/")[2])
        place = f"{parent}:{begin}"
        if place == self.never or once(self.expires, place):
            return EXPIRED
        mark = f"-{self.asked}" if self.fresh else ""
        following = None if begin == 20 else f"{begin + 10}{mark}"
        return answer({"data": records(*range(parent * 100 + begin, parent * 100 + begin + 10)), "next": following})

    def run(self, database: Database, *, gone: str = "fail") -> int:
        parents = spec(CursorPaging(next="next"), name="parents", path="/parents")
        parent = Parent(endpoint="parents", gone=gone)  # type: ignore[arg-type]  # one of its words
        children = spec(CHAIN, name="children", path="/parents/{id}/children", parent=parent)
        with Server(self) as server:
            ingest(server, PostgresTo(url=Secret(database.dsn)), parents, children)
        return int(database.value("SELECT count(*) FROM children"))


@pytest.mark.parametrize("fresh", [False, True])
def test_a_parent_whose_cursor_expires_is_read_again_and_no_circle(database: Database, fresh: bool) -> None:
    assert Parents("1:10", "2:20", "3:10", fresh=fresh).run(database) == 90


def test_an_expired_cursor_is_no_parent_that_is_gone(database: Database) -> None:
    assert Parents("2:10").run(database, gone="skip") == 90


@pytest.mark.parametrize("fresh", [False, True])
def test_a_parent_that_gets_no_further_ends_the_run(database: Database, fresh: bool) -> None:
    api = Parents(never="2:20", fresh=fresh)
    with pytest.raises(EndpointsFailed):
        api.run(database)
    assert api.asked < 30
