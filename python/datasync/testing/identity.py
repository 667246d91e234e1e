"""Who the server runs as. PostgreSQL refuses to run with the effective uid 0, so root needs a way round that.

First choice is a user namespace in which our uid is called 1000: nothing on the machine changes, the files stay ours,
and what root owns stays readable. Where namespaces are forbidden (the default of most container engines) the server
runs as an account that is there already. Neither way creates accounts or touches a mode or an owner outside of folders
that we made ourselves.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from datasync.testing.errors import EmbeddedPostgresError

_NAMESPACE: Final = ("-U", "--map-user=1000", "--map-group=1000", "--")
_ACCOUNTS: Final = ("postgres", "nobody")
_PROBE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """How to start a program so that PostgreSQL accepts it.

    Attributes:
        prefix: goes before the command; it execs, so the process id stays that of the child we started.
        uid: what the child becomes before it turns into the server, or None to stay as we are.
        gid: as `uid`, for the group.
        account: name of that account for messages, or None.
    """

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None
    account: str | None = None

    def give(self, path: Path) -> None:
        """Hand over a file or folder that *we* made, so that the other account can write it."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def find_identity() -> Identity:
    """Choose who the server runs as on this machine.

    Raises:
        EmbeddedPostgresError: we are root, namespaces are forbidden, and no unprivileged account exists.
    """
    if os.geteuid() != 0:
        return Identity()
    if (unshare := shutil.which("unshare")) is not None and _works([unshare, *_NAMESPACE]):
        return Identity(prefix=(unshare, *_NAMESPACE))
    for name in _ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        if account.pw_uid != 0:
            return Identity(uid=account.pw_uid, gid=account.pw_gid, account=name)
    raise EmbeddedPostgresError(
        "PostgreSQL doesn't run as root, this machine forbids user namespaces, and there is no account "
        + " or ".join(f"`{name}`" for name in _ACCOUNTS),
        hint="run datasync as an ordinary user",
    )


def _works(prefix: list[str]) -> bool:
    # Tried rather than looked up: seccomp, sysctl settings and old versions of the tool all forbid it in their own way.
    program = shutil.which("true") or "/bin/true"
    try:
        done = subprocess.run(
            [*prefix, program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
