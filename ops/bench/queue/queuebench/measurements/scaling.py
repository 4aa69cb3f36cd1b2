"""(e) Does twice as many workers do twice as much? Worker processes with simulated images of 200 ms, against linear."""

import os
import time
from collections.abc import Iterator

from .. import machine
from ..context import Context
from ..engines.packshot import Packshot

IMAGE_SECONDS = 0.2


def measure(context: Context) -> Iterator[dict[str, float]]:
    """One row a number of workers: images a second while all were at work, and who used the processors meanwhile."""
    for workers in (1, 4, 16) if context.quick else (1, 2, 4, 8, 16, 32, 64):
        yield _with(context, workers)


def _with(context: Context, workers: int) -> dict[str, float]:
    seconds = 8 if context.quick else 15
    cores = os.cpu_count() or 1
    with Packshot(context) as engine:
        # Enough for the start, the measurement, and a quarter more.
        engine.enqueue("bulk", int(workers / IMAGE_SECONDS * (seconds + 10 + workers * 0.15) * 1.25), IMAGE_SECONDS)
        with context.timed():
            children = [engine.start_worker(IMAGE_SECONDS) for _ in range(workers)]
            try:
                deadline = time.monotonic() + 60
                while int(engine.servers.sql("SELECT count(DISTINCT worker_id) FROM attempts")[0][0]) < workers:
                    for child in children:
                        child.check()
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"{workers} workers did not begin within 60 s")
                    time.sleep(0.25)
                time.sleep(1)
                begin, busy = time.time(), machine.busy_seconds()
                servers, working = engine.servers.cpu_seconds(), _cpu(children)
                time.sleep(seconds)
                end, busy_after = time.time(), machine.busy_seconds()
                servers_after, working_after = engine.servers.cpu_seconds(), _cpu(children)
            finally:
                for child in children:
                    child.process.terminate()
                for child in children:
                    child.stop(40)
        finished = [record for record in engine.records() if record.finished is not None and begin < record.finished <= end]
    elapsed = end - begin
    rate = len(finished) / elapsed
    return {
        "workers": workers,
        "rate": rate,
        "linear": workers / IMAGE_SECONDS,
        "share_of_linear": rate / (workers / IMAGE_SECONDS),
        "machine_cpu": (busy_after - busy) / elapsed / cores,
        "workers_cpu": (working_after - working) / elapsed / cores,
        "postgres_cpu": (servers_after["postgres"] - servers["postgres"]) / elapsed / cores,
        "redis_cpu": (servers_after["redis"] - servers["redis"]) / elapsed / cores,
    }


def _cpu(children: list) -> float:
    return sum(machine.cpu_seconds(machine.descendants(child.pid)) for child in children)
