"""The job every Python peer runs: append one line to this process's file, or two around a sleep.

A worker may be many processes; BENCH_WORKER says which worker this one belongs to.
"""

import os
import time

_file: tuple[int, int] | None = None


def _append(kind: str, job: int, sent: int) -> None:
    global _file
    if _file is None or _file[0] != os.getpid():
        path = os.path.join(os.environ["BENCH_RECORDS"], f"{os.environ['BENCH_WORKER']}.{os.getpid()}")
        _file = (os.getpid(), os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))
    os.write(_file[1], b"%s %08d %019d %019d\n" % (kind.encode(), job, sent, time.time_ns()))


def run(job: int, seconds: float, sent: int) -> None:
    """A job for a peer that works in threads or processes."""
    if not seconds:
        return _append("X", job, sent)
    _append("S", job, sent)
    time.sleep(seconds)
    _append("F", job, sent)


async def run_async(job: int, seconds: float, sent: int) -> None:
    """A job for a peer that works in coroutines."""
    import asyncio

    if not seconds:
        return _append("X", job, sent)
    _append("S", job, sent)
    await asyncio.sleep(seconds)
    _append("F", job, sent)
