"""Run a program that dies with the process that started it, even when that one is killed with -9.

`local.process` puts this in front of a part's command for tests. It is a program of its own rather than a
`preexec_fn`, because forking Python code out of a process with threads may deadlock. It uses the standard
library alone and replaces itself by the program, so the process id stays.

Usage: `python -I leash.py OWNER_PID USER COMMAND [ARGUMENT ...]`, with an empty USER to stay who one is,
and a number for one who has no name.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Source: prctl(2), linux/prctl.h."""


def main(owner: int, user: str, command: list[str]) -> None:
    """Ask the kernel for SIGKILL at the owner's death, then become the command."""
    if user:
        _become(user)  # first, as the kernel forgets the wish with a change of user
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != owner:  # it died before the kernel knew of the wish
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - a part's command is ours, and there is no shell to spare


def _become(user: str) -> None:
    uid, gid = (int(user),) * 2 if user.isdecimal() else pwd.getpwnam(user)[2:4]
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
