"""Moments that clients send."""

from __future__ import annotations

from datetime import UTC, datetime

from datasync.simulator.zoo.ask import Ask, Refused


def asked_moment(ask: Ask, name: str) -> float | None:
    """Give a parameter in ISO 8601 in epoch seconds, None if it is absent; without an offset it is UTC."""
    text = ask.params.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise Refused(400, "invalid_parameter", f"{name} must be ISO 8601") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
