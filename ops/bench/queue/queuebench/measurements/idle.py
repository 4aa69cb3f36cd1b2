"""(f) What a fleet costs that has nothing to do: fifty idle workers for a minute."""

import time

from .. import machine
from ..context import Context
from ..engines.base import Engine

WORKERS = 50


def measure(engine: Engine, context: Context) -> dict[str, float]:
    """Processor use as a share of one core, from /proc; memory while idle.

    Before they are idle the workers share a small number of jobs, so that all of them have connected and all have their
    models, statements and connections as in service.
    """
    settle, seconds = (15, 20) if context.quick else (30, 60)
    with context.timed():
        engine.enqueue("bulk" if engine.has_bulk else "single", WORKERS * 4, 0)
        children = [engine.start_worker(0) for _ in range(WORKERS)]
        try:
            time.sleep(settle)
            for child in children:
                child.check()
            servers, workers = engine.servers.cpu_seconds(), _cpu(children)
            begin = time.monotonic()
            time.sleep(seconds)
            elapsed = time.monotonic() - begin
            servers_after, workers_after = engine.servers.cpu_seconds(), _cpu(children)
            running = sum(child.is_running() for child in children)
            memory = machine.resident_megabytes([p for child in children for p in machine.descendants(child.pid)])
        finally:
            for child in children:
                child.process.terminate()
            for child in children:
                child.stop(40)
    return {
        "idle_workers": running,
        "idle_redis_core": (servers_after["redis"] - servers["redis"]) / elapsed,
        "idle_postgres_core": (servers_after["postgres"] - servers["postgres"]) / elapsed,
        "idle_worker_core": (workers_after - workers) / elapsed / max(1, running),
        "idle_worker_mb": memory / max(1, running),
    }


def _cpu(children: list) -> float:
    return sum(machine.cpu_seconds(machine.descendants(child.pid)) for child in children)
