"""A page that is read record by record says the same of itself, whatever of it is refused."""

from hypothesis import given
from hypothesis import strategies as st

from datasync.model import Column, EncoderPlan
from datasync.pipeline.lanes import RecordLane
from datasync.pipeline.one_by_one import OneByOne

ID = Column("id", "id", "text", required=True, key=True)
AT = Column("at", "at", "timestamptz")
NOW_US = 1_769_600_000_000_000

MOMENTS = ['"2024-01-15T10:30:00.1234567Z"', "1705314600", "1705314600123.5", '"2016-12-31T23:59:60Z"', '"never"']
RECORDS = st.builds('{{"id":{},"at":{}}}'.format, st.sampled_from(['"a"', "{}", "null"]), st.sampled_from(MOMENTS))


@given(records=st.lists(RECORDS, max_size=8), first=st.sampled_from([ID, AT]))
def test_timestamps_of_refused_records_count_as_they_do_at_once(records: list[str], first: Column) -> None:
    plan = EncoderPlan(records="", columns=(ID, AT) if first is ID else (AT, ID))
    at_once, one_by_one = (RecordLane(plan, lambda raw: raw, encoder) for encoder in (None, OneByOne(plan)))
    page = f"[{','.join(records)}]".encode()
    assert one_by_one.encode(page, cursor="x", now_us=NOW_US) == at_once.encode(page, cursor="x", now_us=NOW_US)
