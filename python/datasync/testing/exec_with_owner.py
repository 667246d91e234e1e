"""Become a program that the kernel interrupts as soon as our parent is gone. Run as a script, never imported.

Usage: exec_with_owner.py OWNER_PID UID:GID|- PROGRAM ARGUMENT...

The wish survives `exec` of an ordinary program, so this sets it and turns into PROGRAM: same process id, nothing left
in between. It is cleared by a change of credentials and by set-uid programs, so it comes after `unshare` and after the
change of account, as the last step before PROGRAM. The account is changed here rather than by our parent so that only
PROGRAM has to be open to it, not the Python installation.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

owner, account, program = sys.argv[1:4]
if account != "-":
    uid, gid = map(int, account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
if sys.platform == "linux":
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
    # The owner may have died before the wish was in place: then the kernel will never tell us.
    if os.getppid() != int(owner):
        sys.exit("the owner of this server is gone already")
try:
    os.execv(program, sys.argv[3:])  # noqa: S606 - turning into the program is the purpose, and no shell is wanted
except OSError as error:
    sys.exit(f"{program} can't be run as user {os.geteuid()}: {error.strerror}")
