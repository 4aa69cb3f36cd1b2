"""What the lab starts and mounts ends with the lab, also when that is killed."""

import ctypes
import os
import signal

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, CLONE_NEWNS, MS_REC, MS_PRIVATE = 1, 0x00020000, 0x4000, 1 << 18

# Before a command: it dies with the process that starts it.
TO_THE_END = ("setpriv", "--pdeathsig", "KILL")


def end_with_parent() -> None:
    """Has this process told to stop when the one that started it ends."""
    parent = os.getppid()
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def mount_for_itself() -> None:
    """From here on, what this process and its children mount is seen by them alone, and is gone with the last of them.
    - Raises OSError where that is not allowed."""
    if LIBC.unshare(CLONE_NEWNS) or LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "no mounts of its own")
