"""File handles: a run that may open few of them makes fewer requests at once, instead of failing at the last one."""

import resource
from pathlib import Path

import msgspec
import structlog

from datasync.config import Settings
from datasync.errors import ConfigError

RESERVE = 16
"""For connections to the database, name look-ups, certificates, and what plugins open."""

PER_SLOT = 2
"""Each of both HTTP clients may hold a connection for each slot."""


def fit(settings: Settings) -> Settings:
    """Give `settings` with no more slots than there are handles for. The soft limit is raised first, if it may be.

    Raises:
        ConfigError: there aren't enough for one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return settings
    taken = len([*Path("/dev/fd").iterdir()]) + RESERVE
    wanted = taken + PER_SLOT * settings.slots.maximum
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    slots = (soft - taken) // PER_SLOT
    hint = f"raise the limit (`ulimit -n`): {wanted} are enough"
    if slots < 1:
        raise ConfigError(f"this process may have {soft} open files, and needs at least {taken + PER_SLOT}", hint=hint)
    if slots >= settings.slots.maximum:
        return settings
    structlog.get_logger().warning(
        "few open files are allowed: fewer requests at once", files=soft, slots=slots, hint=hint
    )
    fewer = msgspec.structs.replace(
        settings.slots,
        initial=min(settings.slots.initial, slots),
        reduced=min(settings.slots.reduced, slots),
        maximum=slots,
    )
    return msgspec.structs.replace(settings, slots=fewer)
