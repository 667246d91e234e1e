"""What the kinds have in common whose end we must tell."""

from datasync.config.spec import KeysetPaging, OffsetPaging, PageNumberPaging
from datasync.endpoints.base import Peek
from datasync.endpoints.paging.base import Pager
from datasync.errors import ContractChanged, PageDamaged
from datasync.http.transport import Answer
from datasync.model import Chunk


class Counted(Pager):
    """The end is told by `has_more`; else by an empty page, by `total`, or by a short page.

    A short page is the end only once a full one has come in this run: until then the API may give fewer records than
    it is asked for, as many do above some number, and what looks like the end is its beginning.
    """

    def __init__(self, spec: OffsetPaging | PageNumberPaging | KeysetPaging) -> None:
        super().__init__(spec)
        self._short = spec.short
        self._full = False
        self._empty_at: tuple[str | None] | None = None  # where an empty page claimed that there is more
        self._total: int | None = None  # as the last page said

    def _ends(self, chunk: Chunk, answer: Answer, read: int | None, cursor: str | None = None) -> bool:
        """Whether a page is the last one, where `read` is how many records have come with it.

        Raises:
            PageDamaged: for the first time at this `cursor` it has no records, and says that there are more.
        """
        if not chunk.records and chunk.has_more and (cursor,) != self._empty_at:
            self._empty_at = (cursor,)
            raise PageDamaged("the page has no records, and says that there are more")
        self._total = self.records_in_all(chunk, answer)
        if self.size is not None and chunk.records >= self.size:
            self._full = True
        if chunk.has_more is not None:
            return not chunk.has_more
        if not chunk.records:
            return True
        if self._total is not None and read is not None:
            # More than there are in all: that total is none, and only an empty or a short page can tell.
            return read == self._total or (read > self._total and not self._is_full(chunk))
        # Of what was refused as a whole nobody knows whether it was a page.
        return self._short and self._measured and not self._is_full(chunk) and len(chunk.rejects) < chunk.records

    def _refuse_nested(self, chunk: Chunk, kind: str) -> None:
        """Raise ContractChanged for a page whose records come out of several lists: what the API counts is unknown."""
        if chunk.nested:
            raise ContractChanged(
                f"the records come out of lists in a list, and paging by `{kind}` has to count those of one",
                hint="let `records` be plain names to the outer list, and give the lists in it tables of their own",
            )

    def _is_full(self, chunk: Chunk) -> bool:
        return self.size is None or chunk.records >= self.size

    @property
    def _measured(self) -> bool:
        """Whether pages have as many records as they are asked for, but for the last one."""
        return self._full and not self.resized

    def _goes_on(self, answer: Answer, read: int, peek: Peek) -> bool:
        """Whether another page follows one that is full, as far as that can be told before it is read."""
        if self.has_more is not None:
            return peek(answer.body)[1] is True
        return self._total is not None and read < self._total
