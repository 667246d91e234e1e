"""What documents say of values, numbers and signatures is what the program has."""

import ast
import inspect
from typing import Any

import msgspec

import datasync
from datasync.limits.dialects import DIALECTS
from tests.meta.test_docs import ROOT, blocks


def test_the_examples_of_timestamps_do_what_they_say() -> None:
    (source,) = blocks("docs/timestamps.md", "python")
    names: dict[str, Any] = {}
    refused = 0
    for statement in ast.parse(source).body:
        code = compile(ast.Module([statement], []), "docs/timestamps.md", "exec")
        try:
            exec(code, names)
        except datasync.TimestampRefused:
            refused += 1
    assert refused == 1
    found = names["found"]
    assert [moment is None for moment in found.to_list()] == [False, False, True]
    assert found.refused == [(2, "timestamp_invalid")]
    assert found.tally == {"text": 1, "s": 1}


def test_every_field_and_value_of_a_policy_is_in_its_document() -> None:
    text = (ROOT / "docs" / "timestamps.md").read_text()
    info = msgspec.inspect.type_info(datasync.TimestampPolicy)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        values = field.type.values if isinstance(field.type, msgspec.inspect.LiteralType) else []
        assert all(f"`{word}`" in text for word in (field.name, *values)), field.name


def test_the_methods_of_a_windowed_endpoint_stand_in_their_document_as_they_are() -> None:
    from datasync.endpoints.base import Windowed

    (source,) = blocks("docs/partitions.md", "python")
    shown = {
        part.name: [a.arg for a in part.args.args]
        for part in ast.parse(source).body
        if isinstance(part, ast.FunctionDef)
    }
    methods = {name: value for name, value in vars(Windowed).items() if not name.startswith("_")}
    assert shown == {name: list(inspect.signature(value).parameters) for name, value in methods.items()}


def test_the_numbers_of_the_partitions_document_are_the_programs() -> None:
    from datasync.config.schema import SlotSettings
    from datasync.pipeline.timeline import MIN_SPAN

    text = (ROOT / "docs" / "partitions.md").read_text()
    assert f"slots at the start, {SlotSettings().initial}." in text
    assert "shorter than a second" in text
    assert MIN_SPAN == 1000


def test_every_dialect_of_rate_headers_is_in_its_document() -> None:
    text = (ROOT / "docs" / "rate-limits.md").read_text()
    assert all(f"`{dialect.name}`" in text for dialect in DIALECTS)


def test_the_numbers_of_the_rate_limits_document_are_the_programs() -> None:
    from datasync.config.schema import LimitSettings, SlotSettings
    from datasync.limits import budget, concurrency, learned, ledger, pause, search, windowed

    text = " ".join((ROOT / "docs" / "rate-limits.md").read_text().split())
    slots = SlotSettings()
    for said in (
        f"{ledger.GUARD * 1000:.0f} ms for the server's clock",
        f"{ledger.DRIFT * 1e6:.0f} millionths of the window",
        f"every {learned.PROBE_EVERY} windows one request more",
        f"The first {search.Start.CAREFUL_REQUESTS} requests",
        f"those of the first {search.Start.CAREFUL_SECONDS:.0f} seconds",
        f"that more than {budget.UNHEARD} answers in a row don't tell",
        f"there are {slots.initial} slots at the start. One is added",
        f"left alone for {concurrency.FORGET_AFTER} answers",
        f"there are {slots.initial} slots at the start, {slots.reduced} after three refusals in a row, and one more",
        f"one more after {slots.successes_to_grow} successes in a row, up to {slots.maximum}",
        f"`--max-wait`, {LimitSettings().max_wait:.0f} seconds unless told",
        f"`--concurrency {LimitSettings().concurrency}`, which is the default",
    ):
        assert said in text, said
    assert slots.refusals_to_reduce == 3
    assert windowed.PROOFS == 2, "two windows that opened with everything free again"
    assert (pause.LEAST, pause.SECONDARY, pause.MOST) == (0.5, 60, 60), "half a second, or a minute, up to a minute"
