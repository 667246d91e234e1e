"""The sink `duckdb`."""

import importlib.util

from datasync import hookspecs
from datasync.config import Settings
from datasync.config.spec import DuckDbTo
from datasync.errors import ConfigError
from datasync.model import EncoderPlan
from datasync.plugins import Register
from datasync.sinks.duckdb.store import DuckDbStore
from datasync.sinks.local import LocalSink


class DuckDbSink(LocalSink):
    """See `datasync.sinks.base.Sink`."""

    def __init__(self, settings: Settings, stream: str, plan: EncoderPlan) -> None:
        """Raise ConfigError if the settings don't go together, no database is named, or the library is missing."""
        if importlib.util.find_spec("duckdb") is None:
            raise ConfigError(
                "the sink `duckdb` needs duckdb, which isn't installed", hint="pip install 'datasync[duckdb]'"
            )
        if not isinstance(settings.to, DuckDbTo):
            raise ConfigError("the sink `duckdb` needs the path of a database", hint='[sink] path = "my.duckdb"')
        super().__init__(settings, stream, plan, DuckDbStore(settings, settings.to.path, stream, plan))


@hookspecs.hookimpl
def register_sinks(register: Register) -> None:
    """Offer `duckdb`."""
    register("duckdb", DuckDbSink)
