"""A child process that ends when we do, even when we are killed with SIGKILL, whichever thread started it.

On Linux the kernel sends SIGINT to the child when its parent dies (`PR_SET_PDEATHSIG`). Two traps decide how:

* "Parent" means the *thread* that forked. Started from a worker thread, the server would go down with that worker. So
  each child has a keeper thread of its own, which forks it and then waits for it: it lives as long as the child.
* The wish has to be set in the child itself. `preexec_fn` isn't safe with threads; a script that execs the program is
  (see `exec_with_owner.py`; the tool `setpriv` can't tell an owner that died a moment before).

Elsewhere (macOS) the kernel has no such thing: there a killed owner leaves its server behind.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from datasync.testing.identity import Identity

_SCRIPT: Final = Path(__file__).with_name("exec_with_owner.py")


def owned_command(command: Sequence[str | Path], identity: Identity) -> list[str]:
    """Wrap a command so that it runs as `identity` and is interrupted when the calling process is gone."""
    account = "-" if identity.uid is None else f"{identity.uid}:{identity.gid}"
    script = [sys.executable, "-I", "-S", str(_SCRIPT), str(os.getpid()), account]
    return [*identity.prefix, *script, *(str(word) for word in command)]


def server_environment() -> dict[str, str]:
    """Our environment without what would steer PostgreSQL behind our back, and with its messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


class OwnedProcess:
    """A running child in a session of its own: Ctrl-C in the terminal reaches us, and only we decide when it ends."""

    def __init__(self, command: Sequence[str | Path], *, identity: Identity, log_path: Path, folder: Path) -> None:
        """Start it; both outputs are appended to `log_path`, and `folder` is where it runs.

        Raises:
            OSError: the program could not be started.
        """
        self._command = owned_command(command, identity)
        self._log_path = log_path
        self._folder = folder
        self._failure: OSError | None = None
        self._begun = threading.Event()
        self._ended = threading.Event()
        # A daemon, so that an owner who forgets to stop the server can still leave.
        threading.Thread(target=self._keep, name="embedded-postgres-keeper", daemon=True).start()
        self._begun.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def pid(self) -> int:
        """Process id, also of the program that it turns into."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """What it ended with, negative for a signal, or None while it runs."""
        return self._process.returncode if self._ended.is_set() else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it has ended."""
        if not self._ended.is_set():
            self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended and been reaped; False when it still runs after `seconds`."""
        return self._ended.wait(seconds)

    def _keep(self) -> None:
        try:
            with self._log_path.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder,
                    env=server_environment(),
                    start_new_session=True,
                )
        except OSError as error:
            self._failure = error
            return
        finally:
            self._begun.set()
        self._process.wait()
        self._ended.set()
