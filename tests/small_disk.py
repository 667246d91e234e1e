"""A server with a tablespace on a disk of a few megabytes: a tmpfs in a mount namespace that only the server sees."""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

from datasync import testing
from datasync.testing import EmbeddedPostgres, find_binaries
from tests.servers import SMALL

_OWNED = Path(testing.__file__).with_name("exec_with_owner.py")
_IN_NAMESPACE = ("unshare", "-U", "-r", "-m", "--")
_AS_SOMEBODY = ("unshare", "-U", "--map-user=1000", "--map-group=1000", "--")


@cache
def why_not() -> str | None:
    """Why this machine can't give a small disk, or None when it can."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return "there is no `unshare` or no `mount`"
    tried = subprocess.run(
        [*_AS_SOMEBODY, *_IN_NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return None if tried.returncode == 0 else f"no private mounts here: {tried.stderr.strip()}"


def server_on_small_disk(folder: Path, mebibytes: int) -> tuple[EmbeddedPostgres, Path]:
    """A server, not started yet, and the folder of its small disk, which is empty to everybody else."""
    disk, programs = folder / "disk", folder / "bin"
    disk.mkdir()
    programs.mkdir()
    real = find_binaries()
    mount = shlex.join(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "none", str(disk)])
    # As the last step, because a change of namespace drops the wish to end with the owner.
    owned = [sys.executable, "-I", "-S", str(_OWNED), str(os.getpid()), "-", str(real.postgres)]
    inner = f'{mount} && exec {shlex.join([*_AS_SOMEBODY, *owned])} "$@"'
    wrapper = programs / "postgres"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join([*_IN_NAMESPACE, "sh", "-c", inner, "sh"])} "$@"\n')
    wrapper.chmod(0o755)
    (programs / "initdb").symlink_to(real.initdb)
    return EmbeddedPostgres(settings=SMALL, binaries=replace(real, folder=programs)), disk
