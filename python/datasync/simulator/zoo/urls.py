"""Paging by URLs that the API gives, in the body or in the Link header."""

from __future__ import annotations

from dataclasses import dataclass

from datasync.simulator.zoo.ask import Ask, Refused, Reply, page_of


@dataclass(frozen=True)
class NextUrl:
    """The body has the next page's URL, absolute or as a path."""

    absolute: bool = True

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        size, start = min(ask.number("limit", 50, 1), 100), ask.number("offset", 0)
        records = ask.data.items
        stop = start + size

        def link(offset: int) -> str:
            return ask.link(absolute=self.absolute, limit=size, offset=max(0, offset))

        fields = {
            "count": len(records),
            "next": link(stop) if stop < len(records) else None,
            "previous": link(start - size) if start else None,
        }
        return page_of(records[start:stop], "results", fields)


@dataclass(frozen=True)
class LinkHeader:
    """The Link header leads to the neighbours, the first and the last page; each answer tells the hour's quota."""

    def page(self, ask: Ask) -> Reply:
        """See Pager."""
        left, ends = ask.zoo.use_quota()
        limit = ask.zoo.options.rate_limit
        quota = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, left)),
            "X-RateLimit-Used": str(limit - max(0, left)),
            "X-RateLimit-Reset": str(ends),
        }
        if left < 0:
            raise Refused(403, "rate_limited", "rate limit exceeded", quota)
        size, number = min(ask.number("per_page", 30, 1), 100), ask.number("page", 1, 1)
        records = ask.data.items
        last = max(1, -(-len(records) // size))
        numbers = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        links = [
            f'<{ask.link(per_page=size, page=to)}>; rel="{rel}"'
            for rel, to in numbers.items()
            if 1 <= to <= last and to != number
        ]
        headers = {**quota, **({"Link": ", ".join(links)} if links else {})}
        return page_of(records[(number - 1) * size : number * size], "", {}, headers)
