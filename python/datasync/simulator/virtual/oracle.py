"""The omniscient client: knows the limits, the delays and all that is under way, and so is never refused."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from datasync.simulator.virtual.api import Api
from datasync.simulator.virtual.trace import Trace


class Grant(NamedTuple):
    """A request that was let in.

    Attributes:
        at: seconds since the run began, at the server.
    """

    at: float
    route: str
    cost: float


def best(api: Api, trace: Trace, routes: Sequence[str], duration: float) -> list[Grant]:
    """Play an API with one worker for each of `routes`, each sending so that it arrives at the first moment it may."""
    grants: list[Grant] = []
    sent = len(routes)
    # (moment of arrival, number of the request, worker)
    queue = [(trace[number].out, number, number) for number in range(sent)]
    heapify(queue)
    while queue and queue[0][0] <= duration:
        now, number, worker = heappop(queue)
        trip, route = trace[number], routes[worker]
        when = api.ready(now, route, trip)
        if when > now:
            heappush(queue, (when, number, worker))
            continue
        reply = api.arrive(now, route, trip)
        if reply and reply.admitted:
            grants.append(Grant(now, route, reply.cost))
        back = now + (reply.delay + trip.back if reply else trip.back)
        heappush(queue, (back + trace[sent].out, sent, worker))
        sent += 1
    return grants
