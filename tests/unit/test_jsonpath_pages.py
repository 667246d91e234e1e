"""Pages whose records a JSONPath chooses: what is no page is none, and only what can be counted is counted."""

from itertools import groupby
from typing import Any

import jsonpath
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from datasync import envelope, jsonpaths
from datasync.config import check
from datasync.config.invalid import InvalidSpec
from datasync.config.spec import (
    Api,
    Config,
    CursorPaging,
    EndpointSpec,
    JsonlTo,
    KeysetPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    WindowPaging,
)
from datasync.config.spec.paging import PlainPaging
from datasync.errors import ContractChanged, PageDamaged
from datasync.http.transport import Answer
from datasync.model import Chunk, Column, EncoderPlan, Request
from datasync.pipeline.choice import choose
from datasync.pipeline.loops import MAX_EMPTY
from tests.resting import answer, read, records, rest, turned

ID = Column("id", "id", "text", required=True, key=True)

words = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
messages = words | st.dictionaries(st.text(max_size=4), words, max_size=3)


def encode(path: str, page: object, *, total: str | None = None) -> Chunk:
    plan = EncoderPlan(records=path, columns=(ID,), total=total)
    return choose(plan, None).encode(msgspec.json.encode(page), cursor=None, now_us=0)


PATHS = [
    "$.data[?@.id]",
    "$.data[*].one",
    "$.data[*].some[*]",
    "$.data[0:9]",
    "$.größe[?@.id]",
    "$..data[*]",
    "$.*[?@.id]",
]


@pytest.mark.parametrize("path", PATHS)
@given(message=messages)
def test_a_page_without_the_list_that_a_path_chooses_from_is_damaged(path: str, message: object) -> None:
    anywhere = path.startswith(("$.*", "$.."))  # then the members of an object pass for records
    message = message if not (anywhere and isinstance(message, dict)) else None
    for page in ({"data": message, "größe": message}, {"error": message}, message):
        with pytest.raises(PageDamaged):
            encode(path, page)


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_list_is_a_page(path: str) -> None:
    assert encode(path, {"data": [], "größe": []}).records == 0


def test_an_object_is_chosen_from_where_a_record_is_found_in_it() -> None:
    page = {"data": {"x": {"id": "a"}, "y": {"id": "b"}}}
    assert encode("$.data[?@.id]", page).row_count == encode("$['data']['x','y']", page).row_count == 2


names = st.text(st.characters(min_codepoint=32, codec="utf-8"), max_size=4)  # the library takes no control characters
steps = st.lists(st.one_of(names, st.integers(0, 2)), max_size=4)
pages = st.recursive(
    words, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=4), one), max_leaves=9
)


@given(steps, st.sampled_from(["", "[*]", "[?@.a]", "[*].a", "[0:1]", "..a", "[-1]"]), st.data())
def test_a_path_chooses_from_what_it_names(steps: list[str | int], rest_of_it: str, data: st.DataObject) -> None:
    names = "$" + "".join(f"[{msgspec.json.encode(step).decode()}]" for step in steps)
    shape = jsonpaths.shape(names + rest_of_it)
    page: Any = data.draw(pages)
    for step in reversed(steps):
        page = {step: page} if isinstance(step, str) else [{}] * step + [page]
    (chosen_from,) = jsonpath.findall(names, page)
    assert envelope.at(page, shape.lead) == chosen_from
    assert shape.lead.startswith(shape.stem)
    assert (shape.chooses, shape.nested) == (rest_of_it != "", rest_of_it == "..a")


def test_what_a_filter_passes_over_counts_and_groups_do_not() -> None:
    page = {"data": [{"id": "a"}, {"no": 1}, {"no": 2}], "total": 3}
    chunk = encode("$.data[?@.id]", page, total="total")
    assert (chunk.records, chunk.dropped, chunk.nested) == (3, 2, False)
    groups = {"g": [{"i": []}] * 8 + [{"i": [{"id": "a"}]}, {"i": [{"id": "b"}]}], "total": 8}
    for path in ("$.g[*].i[*]", "$.g[*].i", "$..i[*]"):
        chunk = encode(path, groups, total="total")
        assert (chunk.records, chunk.dropped, chunk.nested) == (2, 0, True), path


NESTED = ["$.g[*].i[*]", "$..i[*]", "$.g[?@.i].i[?@.id]", "$.*[*]"]


def spans(inner: PlainPaging) -> Paging:
    return WindowPaging(since_param="a", until_param="b", start="2024-01-01", inner=inner)


@pytest.mark.parametrize("path", NESTED)
@pytest.mark.parametrize(
    ("paging", "hint"),
    [
        (OffsetPaging(), "outer list"),
        (OffsetPaging(has_more="more"), "outer list"),
        (PageNumberPaging(), "`pages` or `has_more`"),
        (PageNumberPaging(total="total", short=False), "`pages` or `has_more`"),
        (KeysetPaging(), "plain names"),
        (spans(OffsetPaging()), "outer list"),
        (spans(KeysetPaging()), "plain names"),
        (PageNumberPaging(pages="pages"), None),
        (PageNumberPaging(has_more="more"), None),
        (CursorPaging(next="next"), None),
    ],
)
def test_lists_in_lists_are_paged_only_where_nothing_is_counted(path: str, paging: Paging, hint: str | None) -> None:
    endpoint = EndpointSpec(name="things", path="/things", records=path, paging=paging)
    config = Config(api=Api(base_url="https://h"), sink=JsonlTo(folder="x"), endpoints=(endpoint,))
    if hint is None:
        check.refuse(config)
        return
    with pytest.raises(InvalidSpec) as caught:
        check.refuse(config)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("paging", [OffsetPaging(), PageNumberPaging()])
def test_lists_in_lists_that_only_the_page_shows_are_not_counted_either(paging: Paging) -> None:
    endpoint = rest(paging, records="$.hits[*].source")
    flat = {"hits": [{"source": {"id": "a"}}, {"other": 1}]}
    assert turned(endpoint, answer(flat)).records == 2
    with pytest.raises(ContractChanged, match="lists in a list"):
        turned(endpoint, answer({"hits": [{"source": [{"id": "a"}, {"id": "b"}]}]}))


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 4))
def test_each_record_of_lists_in_lists_is_read_by_numbered_pages(lengths: list[int], size: int) -> None:
    last = max(1, -(-len(lengths) // size))
    groups = [[f"{group}-{one}" for one in range(length)] for group, length in enumerate(lengths)]
    # More pages in a row without a record end a run as a circle, whatever they are made of.
    pages = [any(lengths[begin : begin + size]) for begin in range(0, len(lengths), size)]
    assume(max((len(list(run)) for full, run in groupby(pages) if not full), default=0) <= MAX_EMPTY)

    def script(request: Request) -> Answer:
        begin = int(request.params["page"]) * size - size
        return answer({"g": [{"i": records(some)} for some in groups[begin : begin + size]], "pages": last})

    came = read(rest(PageNumberPaging(size=size, pages="pages"), records="$.g[*].i[*]"), script)
    assert came.ids == [one for some in groups for one in some]
