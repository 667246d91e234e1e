"""How one page leads to the next: one file for each kind of `datasync.config.spec.paging`.

A cursor is text in which a kind finds its place again, in this run or a later one.
"""

from datasync.endpoints.paging.base import Asked, Context, Lead, Pager
from datasync.endpoints.paging.build import build

__all__ = ["Asked", "Context", "Lead", "Pager", "build"]
