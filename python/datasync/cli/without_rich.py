"""rich, kept out of the libraries that would import it because it is there: a third of a command's start."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_HIDDEN: Final = ("rich", "pygments")


@contextmanager
def without_rich() -> Iterator[None]:
    """Have what is imported inside find no rich.

    structlog would draw tracebacks with it, values of variables included, and httpx has a command line of its own. Both
    do without. What draws something imports rich itself, when it draws.
    """
    hidden = [name for name in _HIDDEN if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is how `import` is told to find nothing
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
