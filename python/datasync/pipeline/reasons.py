"""Why records were refused, in few words of memory."""

import sys
from typing import Final

MOST: Final = 100
"""Different details that are looked for among those before."""


class Reasons:
    """Gives the codes and details of a page's rejects, and of equal ones the same object: most of them are equal."""

    def __init__(self) -> None:
        self._details: dict[str, str] = {}

    def __call__(self, code: str, detail: str) -> tuple[str, str]:
        """Give both as they are."""
        detail = self._details.get(detail, detail)
        if len(self._details) < MOST:
            self._details[detail] = detail
        return sys.intern(code), detail
