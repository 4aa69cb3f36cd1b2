"""(b) How fast no-op jobs are worked off by one worker process and by two."""

import os
import time

from .. import machine, records
from ..context import Context
from ..engines.base import Engine


def measure(engine: Engine, context: Context, workers: int) -> dict[str, float]:
    """Fills the queue, then starts the workers; they get `limit` seconds or the end of the queue.

    The rate is that of finished jobs while all workers had work. Processor time is from the first finished job on.
    """
    count, limit = (10_000, 8.0) if context.quick else (60_000, 12.0)
    if engine.has_bulk:
        engine.enqueue("bulk", count, 0, 20)
    else:
        engine.enqueue("single", count, 0, 20)
    with context.timed():
        children = [engine.start_worker(0) for _ in range(workers)]
        try:
            deadline = time.monotonic() + 30
            while engine.finished_lines() == 0:
                for child in children:
                    child.check()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{engine.name} finished no job in 30 s")
                time.sleep(0.02)
            worker_cpu, server_cpu = _cpu(engine, children)
            machine_cpu = machine.busy_seconds()
            before, begin = engine.finished_lines(), time.monotonic()
            done, moved = before, begin
            while time.monotonic() - begin < limit and time.monotonic() - moved < 1:
                time.sleep(0.1)
                now = engine.finished_lines()
                if now > done:
                    done, moved = now, time.monotonic()
            worker_cpu_after, server_cpu_after = _cpu(engine, children)
            machine_cpu_after, end = machine.busy_seconds(), time.monotonic()
        finally:
            for child in children:
                child.stop(40)
    jobs = max(1, done - before)
    own = worker_cpu_after - worker_cpu + sum(server_cpu_after.values()) - sum(server_cpu.values())
    others = (machine_cpu_after - machine_cpu - own) / (end - begin) / (os.cpu_count() or 1)
    prefix = f"workers_{workers}"
    return {
        f"{prefix}_rate": records.rate(engine.records()),
        f"{prefix}_worker_cpu_us": (worker_cpu_after - worker_cpu) / jobs * 1e6,
        f"{prefix}_redis_cpu_us": (server_cpu_after["redis"] - server_cpu["redis"]) / jobs * 1e6,
        f"{prefix}_postgres_cpu_us": (server_cpu_after["postgres"] - server_cpu["postgres"]) / jobs * 1e6,
        f"{prefix}_jobs": done,
        f"{prefix}_own_cpu": own / (end - begin) / (os.cpu_count() or 1),
        f"{prefix}_others_cpu": max(0.0, others),
    }


def _cpu(engine: Engine, children: list) -> tuple[float, dict[str, float]]:
    workers = sum(machine.cpu_seconds(machine.descendants(child.pid)) for child in children)
    return workers, engine.servers.cpu_seconds()
