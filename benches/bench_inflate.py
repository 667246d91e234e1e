"""(d) A page of 5,000 events, 1.73 MB, out of gzip: `_native.inflate` against Python's zlib as httpx uses it.

Ours also checks the end, further members and the limits; theirs none of it. Level 6 is what servers use.
"""

import gzip
import time
import zlib

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches import pages
from benches.pairs import paired
from datasync._native import inflate

LIMIT = 64 << 20


@pytest.fixture(scope="module")
def page() -> bytes:
    """The first page of the list."""
    return pages.served(5000)[0]


@pytest.mark.parametrize("level", [1, 6])
def test_inflate(benchmark: BenchmarkFixture, page: bytes, level: int) -> None:
    """The two take turns; both give the page."""
    body = gzip.compress(page, level)

    def theirs() -> bytes:
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return decoder.decompress(body) + decoder.flush()

    def ours() -> bytes:
        return inflate(body, "gzip", max_bytes=LIMIT, max_ratio=200)

    assert ours() == theirs() == page
    paired(
        benchmark,
        ours,
        theirs,
        name=f"gunzip a page, level {level}, wall: Python's zlib / datasync",
        timer=time.perf_counter,
        rounds=100,
    )
