"""(d) What five kill -9 leave behind: jobs that never finish, jobs that finish twice, and how long until all are done."""

import time
from collections import Counter

from ..context import Context
from ..engines.base import Engine

JOB_SECONDS = 0.5
EVERY_SECONDS = 4.0
KILLS = 5


def measure(engine: Engine, context: Context) -> dict[str, float | None]:
    """Two workers; one of them, in turn, is killed and started again every four seconds."""
    wait = 40 if context.quick else 100
    # As many jobs as two workers would do in the time of the kills and a little more.
    count = int(2 * engine.concurrency * (KILLS * EVERY_SECONDS + 2.4) / JOB_SECONDS)
    engine.enqueue("bulk" if engine.has_bulk else "single", count, JOB_SECONDS)
    with context.timed():
        workers = [engine.start_worker(JOB_SECONDS) for _ in range(2)]
        try:
            for kill in range(KILLS):
                time.sleep(EVERY_SECONDS)
                workers[kill % 2].kill()
                workers[kill % 2] = engine.start_worker(JOB_SECONDS)
            last_kill = time.time()
        except BaseException:
            for worker in workers:
                worker.kill()
            raise
    try:
        done = {}
        while len(done) < count and time.time() - last_kill < wait:
            time.sleep(1)
            done = {record.job: record.finished for record in engine.records() if record.finished}
    finally:
        for worker in workers:
            worker.stop(30)
    tries = engine.records()
    finishes = Counter(record.job for record in tries if record.finished)
    starts = Counter(record.job for record in tries)
    return {
        "kill_jobs": count,
        "kill_cut_off": sum(record.finished is None for record in tries),
        "kill_never_finished": count - len(finishes),
        "kill_finished_twice": sum(times > 1 for times in finishes.values()),
        "kill_started_twice": sum(times > 1 for times in starts.values()),
        "kill_all_done_after": (
            max(record.finished for record in tries if record.finished) - last_kill if len(finishes) == count else None
        ),
    } | engine.audit()
