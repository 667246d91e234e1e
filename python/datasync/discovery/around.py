"""What a page says about all pages: how many records and pages there are, and whether there is more."""

from datasync.discovery.document import Document, envelope, title
from datasync.endpoints.paging.words import MORE, PAGES, TOTAL_HEADERS, TOTALS, is_count, plain
from datasync.http.transport import Answer
from datasync.jsonpaths import path


def total(answer: Answer, document: Document) -> tuple[str, int] | None:
    """Give the path, or `header:Name`, of the number of all records, and the number."""
    for name in TOTAL_HEADERS:
        value = answer.headers.get(name, "")
        if is_count(value):
            return f"header:{title(name)}", int(value)
    found = []
    for keys, value in envelope(document):
        name = plain(keys[-1])
        if name not in TOTALS or isinstance(value, bool) or not isinstance(value, int):
            continue
        # Many a `count` is that of the page.
        least = len(document.records) + (1 if name == "count" else 0)
        if value >= least:
            found.append((TOTALS.index(name), len(keys), path(keys), value))
    return min(found)[2:] if found else None


def has_more(document: Document) -> tuple[str, bool] | None:
    """Give the path of what says whether there is more, and what it says."""
    found = [
        (MORE.index(plain(keys[-1])), path(keys), value)
        for keys, value in envelope(document)
        if plain(keys[-1]) in MORE and isinstance(value, bool)
    ]
    return min(found)[1:] if found else None


def pages(document: Document) -> str | None:
    """Give the path of the number of all pages."""
    for keys, value in envelope(document):
        if plain(keys[-1]) in PAGES and isinstance(value, int) and not isinstance(value, bool):
            return path(keys)
    return None
