"""Writes the cases of the tests as seeds: the search then begins where people have looked already."""

import gzip
import sys
import tomllib
from hashlib import sha256
from pathlib import Path

FUZZ = Path(__file__).parent
ROOT = FUZZ.parents[1]
sys.path.append(str(ROOT))

from tests.page_cases import ENVELOPES, GOOD, RECORDS, page  # noqa: E402  # the path comes first


def timestamps() -> list[bytes]:
    """The values of the table of answers, strings without their quotes."""
    table = tomllib.loads((ROOT / "tests/data/timestamps.toml").read_text())
    values = [case["json"] for group in table["group"] for case in group["cases"] if "json" in case]
    return [value.strip('"').encode() for value in values]


def main() -> None:
    """Fill the folders."""
    rest = b',"p":{"next":"c","more":true},"total":3'
    pages = [*ENVELOPES, *(page(GOOD, record, rest=rest) for record in RECORDS), *RECORDS, b"\n".join(RECORDS[:20])]
    seeds = {"page": pages, "timestamp": timestamps(), "inflate": [gzip.compress(body) for body in pages]}
    for target, bodies in seeds.items():
        folder = FUZZ / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for body in bodies:
            (folder / sha256(body).hexdigest()[:16]).write_bytes(body)


if __name__ == "__main__":
    main()
