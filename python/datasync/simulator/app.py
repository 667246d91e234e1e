"""The simulated API as a Starlette application: the table of its routes."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from datasync.simulator import events, feed, other
from datasync.simulator.gate import Gate
from datasync.simulator.state import Simulator


def build_app(simulator: Simulator) -> Starlette:
    """Give the application that answers for a simulator; `app.state.simulator` is the simulator."""

    def gate(path: str, name: str, handler: Gate, method: str = "GET") -> Route:
        return Route(path, handler, methods=[method], name=name)

    routes = [
        Route("/health", other.health),
        Route("/_simulator/served", other.served),
        Route("/_simulator/stats", other.stats),
        gate("/api/v1/events", "events", Gate(simulator, "events", events.list_events, damageable=True)),
        gate("/api/v1/events/bulk", "bulk", Gate(simulator, "bulk", events.bulk_events), "POST"),
        gate(feed.FEED_PATH, "feed", Gate(simulator, "feed", feed.feed, damageable=True)),
        gate("/api/v1/events/{id}", "event", Gate(simulator, "events", events.one_event)),
        gate("/api/v1/sessions", "sessions", Gate(simulator, "sessions", other.list_sessions, damageable=True)),
        gate("/api/v1/sessions/{id}", "session", Gate(simulator, "sessions", other.one_session)),
        gate("/api/v1/metrics", "metrics", Gate(simulator, "metrics", other.metrics)),
        gate("/internal/dashboard/stream-access", "access", Gate(simulator, "access", feed.stream_access), "POST"),
        gate("/internal/stats", "stats", Gate(simulator, "stats", other.internal_stats)),
        # A wrong method matches its path only in part, so this one takes it too: the API knows no 405.
        Route("/{path:path}", Gate(simulator, "unknown", other.unknown, keyed=False)),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    app.state.simulator = simulator
    return app
