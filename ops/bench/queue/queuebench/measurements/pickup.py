"""(c) How long a job waits for a worker that is idle: one job each 30 ms."""

import time

from ..context import Context
from ..engines.base import Engine


def measure(engine: Engine, context: Context) -> list[float]:
    """Milliseconds from sending to start; pool them over rounds before taking percentiles."""
    count = 60 if context.quick else 150
    with context.timed():
        worker = engine.start_worker(0)
        try:
            # A worker that is up has done a job; the first ones are warm-up and not counted.
            time.sleep(3)
            waits = engine.pickup(count + 10)
        finally:
            worker.stop()
    return [wait * 1e3 for wait in waits[10:]]
