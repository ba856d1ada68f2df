"""Run a program that can write nowhere but into some folders: what a read-only root file system means.

The kubelet of the tests puts this in front of a container's command. Nothing is mounted for it, so it works
without root: Landlock (Linux 5.13) takes the rights from this process and from what it becomes. With them it
gives up gaining others, which is `allowPrivilegeEscalation: false`. It uses the standard library alone.

Usage: `python -I readonly.py FOLDER:FOLDER... COMMAND [ARGUMENT ...]`
"""

import ctypes
import os
import struct
import sys

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System calls, the same on every architecture. Source: landlock(7)."""
_BENEATH = 1
_NO_NEW_PRIVS = 38
"""Source: prctl(2), linux/prctl.h."""
_WRITING = sum(1 << bit for bit in (1, *range(4, 13)))
"""Writing, removing and making files of every kind. Source: linux/landlock.h."""
_DEVICES = "/dev"
"""Containers have one of their own, which can be written: null, shm."""


def main(folders: list[str], command: list[str]) -> None:
    """Give up writing elsewhere, then become the command. Raises OSError where the kernel has no Landlock."""
    ruleset = _call(_CREATE_RULESET, struct.pack("=Q", _WRITING), 8, 0)
    for folder in (_DEVICES, *folders):
        place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        _call(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", _WRITING, place), 0)
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call(_RESTRICT_SELF, ruleset, 0)
    os.execvp(command[0], command)


def _call(number: int, *arguments: int | bytes) -> int:
    answer = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), "Landlock is needed to show what a read-only root means")
    return int(answer)


if __name__ == "__main__":
    main([one for one in sys.argv[1].split(":") if one], sys.argv[2:])
