"""Pages as the simulated API serves them."""

import httpx
import msgspec

from datasync.simulator import SimulatorOptions, SimulatorProcess


def served(events: int) -> list[bytes]:
    """The bodies of the whole list of `events` events, 5,000 a page."""
    bodies: list[bytes] = []
    with (
        SimulatorProcess(SimulatorOptions(count=events, rate_limit="none", api_key="bench")) as api,
        httpx.Client(trust_env=False, headers={"x-api-key": "bench"}) as client,
    ):
        parameters: dict[str, str | int] = {"limit": 5000}
        while True:
            answer = client.get(f"{api.base_url}/events", params=parameters).raise_for_status()
            bodies.append(answer.content)
            pagination = msgspec.json.decode(answer.content)["pagination"]
            if not pagination["hasMore"]:
                return bodies
            parameters["cursor"] = pagination["nextCursor"]
